#include "runtime/base/clock.hpp"
#include "runtime/json/type_registry.hpp"
#include "runtime/node/node_impl.hpp"
#include "runtime/scheduling/install.hpp"
#include "runtime/store/dead_letter_core.hpp"
#include "runtime/store/postgres/connecting.hpp"
#include "runtime/store/postgres/event_store.hpp"
#include "runtime/telemetry/install.hpp"
#include "runtime/telemetry/log.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scheduler/abstract_coordinator.hpp>
#include <future>
#include <thread>

namespace coppice {

result<void> node::prepare() {
  auto& x = *impl_;
  init_runtime_types();
  if (auto ok = x.types.check_messages(json::types()); !ok)
    return ok;
  if (x.origin.tree) {
    auto settings = x.settings();
    if (auto ok = x.add_own_tree(settings.config); !ok)
      return ok;
    x.set_settings(std::move(settings));
  }
  x.started_at = system_clock().now();
  if (x.instead)
    return x.prepare_inside();
  auto data = coppice::data_folder::open(x.settings().config.node.data);
  if (!data)
    return data.error();
  x.data = std::move(*data);
  x.start_log();
  log::info("node", "starting", {{"version", x.origin.version}, {"config", x.origin.file}});
  x.worker = std::make_unique<background>();
  if (auto ok = x.open_store(); !ok)
    return ok;
  if (auto ok = x.open_history(); !ok)
    return ok;
  if (auto ok = x.start_events(); !ok)
    return ok;
  x.start_system();
  if (auto ok = x.start_cluster(); !ok)
    return ok;
  x.shown = std::make_unique<node_telemetry>(*this);
  x.prepared = true;
  return {};
}

result<void> node::start() {
  if (!impl_->prepared)
    if (auto ok = prepare(); !ok)
      return ok;
  return impl_->start_tree();
}

void node::impl::start_log() {
  auto& from = settings().config.log;
  log::options to;
  auto level_of = [](config::log_level x) { return static_cast<log::level>(x); };
  to.node = settings().config.node.name;
  to.level = level_of(from.level);
  for (auto& [subsystem, level] : from.levels)
    to.levels[subsystem] = level_of(level);
  to.file = from.file;
  to.file_bytes_max = from.max_bytes;
  to.files_max = from.files;
  log::start(std::move(to));
}

namespace {

result<std::shared_ptr<store::event_store>>
open_event_store(const config::store_section& from,
                 const std::shared_ptr<store::sqlite_file>& file) {
  if (!from.postgres) {
    auto own = store::sqlite_event_store::open(file);
    if (!own)
      return own.error();
    return std::shared_ptr<store::event_store>{std::move(*own)};
  }
  postgres::options options;
  options.url = from.postgres->url;
  options.schema = from.postgres->schema;
  if (!from.postgres->password_file.empty()) {
    auto password = postgres::read_password(from.postgres->password_file);
    if (!password)
      return password.error();
    options.password = std::move(*password);
  }
  return postgres::open_event_store(std::move(options));
}

} // namespace

result<void> node::impl::open_store() {
  if (!file) {
    store::sqlite_file_options options;
    auto& wanted = settings().config.store.path;
    options.path = wanted.empty() ? data->path() + "/store.db" : wanted;
    if (auto ok = keep_private(options.path); !ok)
      return ok;
    auto opened = store::sqlite_file::open(std::move(options));
    if (!opened)
      return opened.error();
    file = *opened;
  }
  auto events = open_event_store(settings().config.store, file);
  if (!events)
    return events.error();
  event_store = *events;
  store::dead_letter_options limits;
  limits.per_second_max = settings().config.limits.dead_letters_per_second;
  auto letters = store::dead_letter_store::open(file, limits);
  if (!letters)
    return letters.error();
  dead_letters = *letters;
  return {};
}

namespace {

/// Ends and restarts that are kept on the disk.
constexpr uint32_t kept_per_second_max = 1000;

} // namespace

result<void> node::impl::open_history() {
  auto opened = store::timeline_store::open(file);
  if (!opened)
    return opened.error();
  auto rows = (*opened)->load(started_at - timeline::age_max, timeline::entries_max);
  if (!rows)
    return rows.error();
  kept_history = *opened;
  std::vector<timeline_entry> older;
  for (auto& row : *rows)
    older.push_back({row.number,
                     row.at,
                     {},
                     std::move(row.kind),
                     std::move(row.path),
                     std::move(row.text),
                     std::move(row.details)});
  // A storm is told in memory; the disk belongs to the events then.
  auto budget = std::make_shared<store::storm_limit>(kept_per_second_max);
  history.keep(std::move(older), [=, to = kept_history](const timeline_entry& x, uint64_t oldest) {
    auto frequent = x.kind == "stopped" || x.kind == "restart";
    if (frequent && !budget->admit(system_clock().monotonic()))
      return;
    to->put({x.number, x.at, x.kind, x.path, x.text, x.details}, oldest);
  });
  return {};
}

void node::impl::start_system() {
  observer = std::make_shared<node_observer>(self);
  system_config = std::make_unique<node_system_config>(&self);
  coppice::cluster::configure(*system_config);
  auto& from = settings().config.scheduler;
  auto threads =
    from.threads != 0 ? from.threads : std::max(2u, std::thread::hardware_concurrency());
  system_config->set("caf.scheduler.max-threads", static_cast<int64_t>(threads));
  system_config->set("caf.scheduler.max-throughput", static_cast<int64_t>(from.max_throughput));
  scheduling::install(*system_config);
  telemetry::install(*system_config);
  system = std::make_unique<caf::actor_system>(*system_config);
  // The tree is stopped in order before; what is left then is named, not waited for.
  system->await_actors_before_shutdown(false);
  questions = std::make_unique<asker>(*system);
  gate = system->spawn<caf::hidden>(gate_actor, &self);
}

result<void> node::impl::start_cluster() {
  auto& from = settings().config.cluster;
  if (!from.listen)
    return {};
  coppice::cluster::options to;
  to.cluster = from.name;
  to.node = settings().config.node.name;
  to.listen = to_string(*from.listen);
  if (from.advertise)
    to.advertise = to_string(*from.advertise);
  for (auto& seed : from.seeds)
    to.seeds.push_back(to_string(seed));
  to.roles = settings().config.node.roles;
  to.version = origin.version;
  to.certificates = {from.certificates.ca, from.certificates.cert, from.certificates.key};
  to.schema_fingerprint = json::types().fingerprint();
  to.schema_table = json::serialize(json::to_json(json::types().table()));
  to.incarnation = started_at;
  to.compare = [this](std::string_view mine, std::string_view theirs) {
    return compare_types(mine, theirs);
  };
  to.log = [](bool warning, const std::string& line) {
    log::write(warning ? log::level::warn : log::level::info, "cluster", line);
  };
  to.on_turned_away = [this](const coppice::cluster::turned_away& x) { on_turned_away(x); };
  peers = std::make_unique<coppice::cluster::cluster>(std::move(to));
  // Before the start: a refusal may be the first thing that happens.
  peers->subscribe([this](const coppice::cluster::member_event& x) { on_member(x); });
  auto port = peers->start(*system, gate);
  if (!port)
    return port.error();
  return {};
}

result<void> node::impl::compare_types(std::string_view mine, std::string_view theirs) {
  auto read = [](std::string_view text) -> result<json::schema_table> {
    auto value = json::parse(text);
    if (!value)
      return value.error();
    return json::from_json<json::schema_table>(*value);
  };
  auto a = read(mine);
  auto b = read(theirs);
  if (!a)
    return a.error();
  if (!b)
    return b.error();
  auto verdict = json::compare(*a, *b);
  if (verdict.verdict != json::compatibility::breaking) {
    foreign.learn(*a, *b);
    return {};
  }
  std::string words;
  for (auto& line : verdict.differences)
    words += (words.empty() ? "" : "; ") + line;
  return error{errc::join_refused, "message types differ: " + words, {}, {}};
}

namespace {

/// What happened to a node, as a sentence.
std::string sentence_of(const coppice::cluster::member_event& x) {
  using kind = coppice::cluster::member_event::kind;
  auto who = x.who.name.empty() ? x.who.address : x.who.name;
  auto out = x.what == kind::join_refused ? who + " did not let this node into the cluster"
                                          : who + " is " + std::string{to_string(x.what)};
  return x.reason.empty() ? out : out + ": " + x.reason;
}

} // namespace

void node::impl::on_member(const coppice::cluster::member_event& x) {
  using kind = coppice::cluster::member_event::kind;
  if (!x.who.schema.empty())
    foreign.is_at(x.who.name, x.who.schema);
  if (x.what == kind::changed)
    return;
  auto text = sentence_of(x);
  note("node", {}, text);
  self.publish_own("node." + std::string{to_string(x.what)}, {},
                   json::serialize(json::object{
                     {"node", x.who.name}, {"address", x.who.address}, {"reason", x.reason}}));
  auto serious = x.what == kind::down || x.what == kind::suspect || x.what == kind::join_refused;
  log::write(serious ? log::level::warn : log::level::info, "cluster", text,
             {{"peer", x.who.name}});
  if (x.what == kind::join_refused && x.code == errc::already_exists) {
    std::lock_guard guard{mutex};
    forced_status = 5;
    stopping = true;
    stop_reason = "the name " + settings().config.node.name + " is in use in the cluster";
    changed.notify_all();
  }
}

void node::impl::on_turned_away(const coppice::cluster::turned_away& x) {
  auto text = (x.count == 1 ? "a connection from " + x.source + " was refused"
                            : std::to_string(x.count) + " connections from " + x.source
                                + " were refused, the last")
              + " (" + x.reason + "): " + x.text;
  auto details = json::serialize(
    json::object{{"source", x.source}, {"reason", x.reason}, {"text", x.text}, {"count", x.count}});
  note("node", {}, text, details);
  self.publish_own("node.refused", {}, std::move(details));
}

// -- the end ------------------------------------------------------------------------------------------------------------

void node::request_stop(std::string reason) {
  std::lock_guard guard{impl_->mutex};
  if (impl_->stopping)
    impl_->stop_now = true;
  else
    impl_->stopping_since = system_clock().now();
  impl_->stopping = true;
  if (impl_->stop_reason.empty())
    impl_->stop_reason = std::move(reason);
  impl_->changed.notify_all();
}

int node::wait() {
  auto& x = *impl_;
  std::unique_lock guard{x.mutex};
  x.changed.wait(guard, [&] { return x.stopping || x.tree_ended; });
  x.stopping = true;
  auto gave_up = x.tree_ended && x.tree_ended->what != supervision::end_info::kind::requested;
  auto reason = gave_up ? x.tree_ended->reason : x.stop_reason;
  guard.unlock();
  if (gave_up)
    log::error("node", "the root supervisor gave up: " + reason);
  else
    log::info("node", "stopping: " + reason);
  x.stop_tree();
  if (x.forced_status)
    return *x.forced_status;
  if (gave_up)
    return 1;
  return leaves_actors() ? 7 : 0;
}

bool node::leaves_actors() const {
  std::lock_guard guard{impl_->mutex};
  return impl_->cut_short || (impl_->observer && impl_->observer->left_behind() > 0);
}

std::optional<instant> node::stopping_since() const {
  std::lock_guard guard{impl_->mutex};
  return impl_->stopping && impl_->stopping_since != instant{}
           ? std::optional{impl_->stopping_since}
           : std::nullopt;
}

namespace {

/// Children that have not ended: those that were told to, or all when none was.
void collect_running(const supervision::tree_entry& x, std::vector<std::string>& told,
                     std::vector<std::string>& rest) {
  using state = supervision::child_state;
  if (x.kind == supervision::child_kind::worker) {
    if (x.state == state::stopping)
      told.push_back(x.path);
    else if (x.state == state::running || x.state == state::suspended)
      rest.push_back(x.path);
  }
  for (auto& child : x.children)
    collect_running(child, told, rest);
}

} // namespace

std::vector<std::string> node::impl::still_running() const {
  auto tree = self.root();
  if (!tree)
    return {};
  std::vector<std::string> told, rest;
  collect_running(tree->snapshot(64), told, rest);
  return told.empty() ? rest : told;
}

std::string node::end_reason() const {
  auto& x = *impl_;
  std::unique_lock cut{x.mutex};
  auto cut_short = x.cut_short;
  cut.unlock();
  if (cut_short) {
    auto running = x.still_running();
    std::string out = "told to stop at once";
    for (size_t i = 0; i < std::min<size_t>(running.size(), 5); ++i)
      out += (i == 0 ? "; had not ended: " : ", ") + running[i];
    return running.size() > 5 ? out + " and " + std::to_string(running.size() - 5) + " more" : out;
  }
  if (x.observer && x.observer->left_behind() > 0)
    return std::to_string(x.observer->left_behind())
           + " actors did not stop and were left behind; the log names them";
  std::lock_guard guard{x.mutex};
  auto gave_up = x.tree_ended && x.tree_ended->what != supervision::end_info::kind::requested;
  return gave_up ? "the root supervisor gave up: " + x.tree_ended->reason : x.stop_reason;
}

void node::impl::stop_tree() {
  if (!root_supervisor)
    return;
  supervision::supervisor_command stop;
  stop.what = supervision::supervisor_command::kind::shutdown;
  stop.reason = stop_reason;
  supervision::send_command(root_supervisor, std::move(stop));
  std::unique_lock guard{mutex};
  changed.wait(guard, [&] { return tree_ended.has_value() || stop_now; });
  cut_short = !tree_ended;
  root_supervisor = nullptr;
}

void node::impl::leave_cluster() {
  if (!peers)
    return;
  auto left = std::make_shared<std::atomic<bool>>(false);
  peers->leave([this, left] {
    std::lock_guard guard{mutex};
    *left = true;
    changed.notify_all();
  });
  {
    std::unique_lock guard{mutex};
    changed.wait_for(guard, std::chrono::seconds{1}, [&] { return left->load() || stop_now; });
  }
  peers->stop();
}

void node::abandon() {
  auto& x = *impl_;
  constexpr size_t named_max = 100;
  auto running = x.cut_short ? x.still_running() : std::vector<std::string>{};
  for (size_t i = 0; i < std::min(running.size(), named_max); ++i)
    log::warn("supervision", running[i] + " had not ended when the node was told to stop at once",
              {{"path", running[i]}});
  if (running.size() > named_max)
    log::warn("supervision", std::to_string(running.size() - named_max) + " more had not ended");
  x.leave_cluster();
  if (x.observer)
    x.observer->detach();
  // Log lines, events and dead letters that wait.
  auto written = std::make_shared<std::promise<void>>();
  if (x.worker && x.worker->run([written] { written->set_value(); }))
    written->get_future().wait_for(std::chrono::seconds{1});
  if (x.outbox)
    x.outbox->close();
  if (x.nats_server)
    x.nats_server->stop();
  if (x.kept_history)
    if (auto ok = x.kept_history->flush(); !ok)
      log::warn("node", "the end of the history was not kept: " + to_string(ok.error()));
  if (x.file)
    x.file->close();
  log::info("node", "stopped, and left actors behind");
  log::stop();
}

void node::stop() {
  auto& x = *impl_;
  {
    std::lock_guard guard{x.mutex};
    x.stopping = true;
  }
  x.stop_tree();
  x.leave_cluster();
  if (x.observer)
    x.observer->detach();
  x.shown.reset();
  x.gate = nullptr;
  // What was asked and never answered is answered now; after that nobody asks.
  x.questions.reset();
  x.peers.reset();
  if (x.outbox)
    x.outbox->close();
  x.nats_watch.reset();
  if (x.nats)
    x.nats->close();
  x.worker.reset();
  {
    std::lock_guard guard{x.mutex};
    x.root = nullptr;
  }
  x.system.reset();
  if (x.nats_server)
    x.nats_server->stop();
  x.dead_letter_sink.reset();
  x.outbox.reset();
  x.nats.reset();
  x.nats_server.reset();
  x.dead_letters.reset();
  x.event_store.reset();
  if (x.kept_history) {
    x.history.keep_no_more();
    if (auto ok = x.kept_history->flush(); !ok)
      log::warn("node", "the end of the history was not kept: " + to_string(ok.error()));
    x.kept_history.reset();
  }
  if (x.file)
    x.file->close();
  x.file.reset();
  if (x.data) {
    log::info("node", "stopped");
    log::stop();
    x.data.reset();
  }
}

} // namespace coppice
