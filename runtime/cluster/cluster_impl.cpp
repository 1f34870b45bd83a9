#include "runtime/cluster/cluster_impl.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"

#include <future>

namespace coppice::cluster {

namespace {

constexpr std::string_view leave_message = R"({"type":"leave"})";
constexpr size_t early_max = 16;
/// What CAF may hold for a link that does not move for `stalled_for`, and for one that moves, but too slowly.
constexpr duration stalled_for = std::chrono::milliseconds{100};
constexpr size_t stalled_backlog_max = 32u << 20;
constexpr size_t moving_backlog_max = 256u << 20;
constexpr int log_lines_max = 20;
constexpr duration log_window = std::chrono::seconds{1};

uint64_t seed_of(const options& x) {
  return x.seed != 0 ? x.seed : random_seed();
}

/// Part of the normal life of a full mesh, of no interest to a person.
bool is_ordinary(const refusal& x) {
  return x.reason == "duplicate" || x.reason == "self" || x.reason == "paused";
}

} // namespace

cluster::impl::impl(options config) : config_(std::move(config)), random_(seed_of(config_)) {
  if (config_.incarnation.ns == 0)
    config_.incarnation = system_clock().now();
}

moment cluster::impl::now() const {
  return {system_clock().monotonic(), system_clock().now()};
}

result<uint16_t> cluster::impl::start(caf::actor_system& system, caf::actor gate,
                                      std::string (*address_for_others)(const options&, uint16_t)) {
  std::lock_guard life{life_mutex_};
  COPPICE_ASSERT(!links_);
  link_settings settings;
  settings.node = config_.node;
  settings.certificates = config_.certificates;
  settings.heartbeat = config_.heartbeat;
  settings.silence = config_.silence;
  // The callbacks run on a thread that `stop` joins, so `this` outlives them.
  link_callbacks on;
  on.join = [this] { return join(); };
  on.joined = [this](link_joined x) { on_joined(std::move(x)); };
  on.lost = [this](const auto& node, const auto& reason, duration silent) { on_lost(node, reason, silent); };
  on.refused = [this](const auto& remote, const auto& why) { on_refused(remote, why); };
  on.dial_ended = [this](const auto& x) { on_dial_ended(x); };
  on.control = [this](const auto& node, std::string_view json) { on_control(node, json); };
  on.busy = [this](const auto& node, uint64_t id, duration stalled) { on_busy(node, id, stalled); };
  on.tick = [this] { on_tick(); };
  auto links = std::make_shared<link_server>(std::move(settings), std::move(on));
  // Set before the thread begins, which `listen` starts; its own address is known only then.
  auto ready = std::make_shared<std::promise<void>>();
  {
    std::lock_guard guard{mutex_};
    own_gate_ = gate;
  }
  bridge_ = std::make_unique<basp_bridge>(system, std::move(gate));
  links_ = links;
  auto port = links->listen(config_.listen);
  if (!port) {
    links_.reset();
    return port;
  }
  links->post([this, ready, address = address_for_others(config_, *port)] {
    membership_config core;
    core.self = {.name = config_.node,
                 .state = member_state::joining,
                 .since = system_clock().now(),
                 .roles = config_.roles,
                 .address = address,
                 .admin_url = config_.admin_url,
                 .version = config_.version,
                 .incarnation = std::to_string(config_.incarnation.ns),
                 .schema = config_.schema_fingerprint,
                 .reason = {}};
    core.seeds = config_.seeds;
    core.allow_alone = config_.allow_alone;
    core.down_after = config_.down_after;
    core.remove_after = config_.remove_after;
    core_ = std::make_unique<membership_core>(std::move(core), random_);
    on_tick();
    ready->set_value();
  });
  ready->get_future().wait();
  return port;
}

void cluster::impl::stop() {
  std::shared_ptr<link_server> links;
  {
    std::lock_guard life{life_mutex_};
    links = links_;
  }
  if (!links)
    return;
  links->stop();
  {
    // Nothing of the link thread runs any more, and a second call finds it done.
    std::lock_guard life{life_mutex_};
    if (bridge_)
      bridge_->release();
    bridge_.reset();
  }
  std::lock_guard guard{mutex_};
  gates_.clear();
  own_gate_ = nullptr;
  picture_.links.clear();
}

void cluster::impl::run(std::function<void(impl&)> work) {
  std::shared_ptr<link_server> links;
  {
    std::lock_guard life{life_mutex_};
    links = links_;
  }
  if (links)
    links->post([weak = weak_from_this(), work = std::move(work)] {
      if (auto self = weak.lock(); self && self->core_)
        work(*self);
    });
}

void cluster::impl::leave(duration flush_time_max, std::function<void()> done) {
  run([flush_time_max, done = std::move(done)](impl& self) {
    self.core_->leave(self.now());
    self.settle();
    for (const auto& [node, x] : self.connections_)
      self.links_->send_control(node, leave_message);
    self.links_->close_all("this node leaves", flush_time_max, done);
  });
}

join_config cluster::impl::join() const {
  join_config out;
  // Connections may be accepted before the core knows the port; they get an empty address, and the right one later.
  auto self = core_ ? core_->self() : member{};
  out.self = {.protocol = 1,
              .cluster = config_.cluster,
              .node = config_.node,
              .incarnation = std::to_string(config_.incarnation.ns),
              .version = config_.version,
              .roles = config_.roles,
              .schema = config_.schema_fingerprint,
              .address = self.address,
              .admin_url = self.admin_url};
  out.table = config_.schema_table;
  out.compare = config_.compare;
  return out;
}

// ---- what the links say

void cluster::impl::on_joined(link_joined x) {
  auto node = x.peer.node;
  connections_[node] = {x.id, x.peer, false, {}};
  log(false, "linked to node '" + node + "' at " + x.remote);
  auto weak = weak_from_this();
  bridge_->connect(node, x.fd, x.initiator, [weak, node, id = x.id](result<remote_gate> answer) {
    auto self = weak.lock();
    if (self)
      self->run([node, id, answer = std::move(answer)](impl& y) { y.on_gate(node, id, answer); });
  });
}

void cluster::impl::on_gate(const std::string& node, uint64_t id, const result<remote_gate>& answer) {
  auto at = connections_.find(node);
  if (at == connections_.end() || at->second.id != id)
    return;
  if (!answer) {
    links_->close(node, answer.error().message);
    return;
  }
  auto& x = at->second;
  x.ready = true;
  {
    std::lock_guard guard{mutex_};
    gates_[node] = *answer;
  }
  member who{.name = node,
             .state = member_state::joining,
             .since = {},
             .roles = x.peer.roles,
             .address = x.peer.address,
             .admin_url = x.peer.admin_url,
             .version = x.peer.version,
             .incarnation = x.peer.incarnation,
             .schema = x.peer.schema,
             .reason = {}};
  core_->link_up(std::move(who), now());
  for (const auto& json : std::exchange(x.early, {}))
    take_control(node, json);
  settle();
}

void cluster::impl::on_lost(const std::string& node, const std::string& reason, duration silent) {
  connections_.erase(node);
  {
    std::lock_guard guard{mutex_};
    gates_.erase(node);
  }
  if (!core_)
    return;
  log(true, "link to node '" + node + "' lost: " + reason);
  core_->link_lost(node, reason, silent, now());
  settle();
}

void cluster::impl::on_refused(const std::string& remote, const refusal& why) {
  {
    std::lock_guard guard{mutex_};
    ++picture_.refusals[why.reason];
  }
  if (is_ordinary(why))
    return;
  log(true, "connection from " + remote + " refused (" + why.reason + "): " + why.what.message);
  if (why.against_us && why.what.code == errc::already_exists)
    tell_refusal({}, remote, why);
}

void cluster::impl::on_dial_ended(const dial_result& x) {
  if (!core_)
    return;
  bool is_self = x.refused && x.refused->reason == "self";
  core_->dial_ended(x.request, x.answered, is_self, now());
  if (!x.refused) {
    told_refusals_.erase(x.request.address);
  } else if (!is_ordinary(*x.refused)) {
    tell_refusal(x.answered, x.request.address, *x.refused);
  }
  settle();
}

/// Says once why a node cannot be joined, until the reason changes.
void cluster::impl::tell_refusal(const std::string& node, const std::string& address, const refusal& why) {
  auto& last = told_refusals_[address];
  if (last == why.what.message)
    return;
  last = why.what.message;
  log(true, "node " + (node.empty() ? std::string{} : "'" + node + "' ") + "at " + address + " cannot be joined ("
              + why.reason + "): " + why.what.message);
  auto code = why.what.code;
  if (core_ && (code == errc::join_refused || code == errc::already_exists) && (why.against_us || !node.empty()))
    core_->refused(node, address, why.what, now());
}

void cluster::impl::on_control(const std::string& node, std::string_view json) {
  auto at = connections_.find(node);
  if (at == connections_.end() || !core_)
    return;
  if (!at->second.ready) {
    if (at->second.early.size() < early_max)
      at->second.early.emplace_back(json);
    return;
  }
  take_control(node, json);
  settle();
}

void cluster::impl::take_control(const std::string& node, std::string_view json) {
  if (json == leave_message)
    return core_->leave_announced(node, now());
  auto message = members_message_from_json(json);
  if (!message) {
    log(true, "node '" + node + "' sent something that is not understood: " + message.error().message);
    return;
  }
  core_->told(node, *message, now());
}

/// What a link does not take at once grows CAF's own buffer, which has no bound: look at it, and give the link up when it
/// passes ours.
void cluster::impl::on_busy(const std::string& node, uint64_t id, duration stalled) {
  auto limit = stalled > stalled_for ? stalled_backlog_max : moving_backlog_max;
  auto weak = weak_from_this();
  bridge_->backlog(node, [weak, node, id, limit](size_t bytes) {
    auto self = weak.lock();
    if (!self || bytes < limit)
      return;
    self->run([node, id, bytes](impl& x) {
      auto at = x.connections_.find(node);
      if (at != x.connections_.end() && at->second.id == id)
        x.links_->close(node, "the other side does not take what is sent: " + std::to_string(bytes >> 20)
                                + " MiB wait in the actor system");
    });
  });
}

void cluster::impl::on_tick() {
  if (!core_)
    return;
  core_->tick(now());
  settle();
  std::vector<link_info> links;
  for (auto& x : links_->stats())
    links.push_back({x.node, x.remote, x.initiator, x.since, x.rtt, x.bytes_in, x.bytes_out, x.queued_bytes});
  std::lock_guard guard{mutex_};
  picture_.links = std::move(links);
}

/// Performs what the core asks for after an input.
void cluster::impl::settle() {
  for (auto& request : core_->take_dials())
    links_->dial(std::move(request));
  if (core_->take_changed()) {
    auto json = to_json(core_->message());
    for (const auto& [node, x] : connections_)
      if (x.ready)
        links_->send_control(node, json);
  }
  auto events = core_->take_events();
  {
    std::lock_guard guard{mutex_};
    picture_.members = core_->members();
    picture_.self = core_->self();
  }
  publish(events);
}

// ---- what the owner asks

result<caf::actor> cluster::impl::gate_of(std::string_view node) const {
  std::lock_guard guard{mutex_};
  if (node == config_.node && own_gate_)
    return own_gate_;
  if (auto at = gates_.find(node); at != gates_.end())
    return at->second.gate;
  for (const auto& x : picture_.members)
    if (x.name == node)
      return error{errc::node_down, "node '" + std::string{node} + "' is " + std::string{to_string(x.state)}, "", ""};
  std::vector<std::string> names;
  for (const auto& x : picture_.members)
    names.push_back(x.name);
  return error{errc::not_found, "there is no node '" + std::string{node} + "'", "", nearest_name(node, names)};
}

std::string cluster::impl::name_of(const caf::node_id& id) const {
  std::lock_guard guard{mutex_};
  if (own_gate_ && own_gate_->node() == id)
    return config_.node;
  for (const auto& [name, x] : gates_)
    if (x.node == id)
      return name;
  return {};
}

bool cluster::impl::has_link(std::string_view node) const {
  std::lock_guard guard{mutex_};
  return gates_.find(node) != gates_.end();
}

cluster::subscription cluster::impl::subscribe(std::function<void(const member_event&)> f) {
  auto to = std::make_shared<std::function<void(const member_event&)>>(std::move(f));
  subscription id = 0;
  {
    std::lock_guard guard{mutex_};
    id = next_subscription_++;
  }
  run([id, to](impl& self) {
    for (const auto& x : self.core_->members())
      (*to)(member_event{kind_of(x.state), x, x.reason, errc::none});
    std::lock_guard guard{self.mutex_};
    if (self.cancelled_.erase(id) == 0)
      self.subscribers_[id] = to;
  });
  return id;
}

void cluster::impl::unsubscribe(subscription id) {
  std::lock_guard guard{mutex_};
  if (subscribers_.erase(id) == 0 && id < next_subscription_)
    cancelled_.insert(id);
}

void cluster::impl::publish(const std::vector<member_event>& events) {
  if (events.empty())
    return;
  std::vector<callback> to;
  {
    std::lock_guard guard{mutex_};
    for (const auto& [id, f] : subscribers_)
      to.push_back(f);
  }
  for (const auto& event : events)
    for (const auto& f : to)
      (*f)(event);
}

void cluster::impl::set_admin_url(const std::string& url) {
  core_->set_admin_url(url, now());
  settle();
}

result<void> cluster::impl::reload_certificates() {
  std::shared_ptr<link_server> links;
  {
    std::lock_guard life{life_mutex_};
    links = links_;
  }
  if (!links)
    return error{errc::not_ready, "the cluster is not started", "", ""};
  return links->reload_certificates();
}

/// Strangers must not fill the log: at most some lines a second, and the number of those that were left out.
void cluster::impl::log(bool warning, const std::string& line) {
  if (!config_.log)
    return;
  auto at = system_clock().monotonic();
  if (at - log_window_ >= log_window) {
    if (log_dropped_ > 0)
      config_.log(true, std::to_string(log_dropped_) + " further lines of the cluster were left out");
    log_window_ = at;
    log_lines_ = 0;
    log_dropped_ = 0;
  }
  if (++log_lines_ > log_lines_max)
    ++log_dropped_;
  else
    config_.log(warning, line);
}

} // namespace coppice::cluster
