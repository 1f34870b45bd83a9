#include "runtime/cli/watcher.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/cli/file_lock.hpp"
#include "runtime/cli/process.hpp"
#include "runtime/cluster/pki.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

namespace coppice::cli {

namespace {

std::string lock_file(const std::string& folder) {
  return folder + "/up.lock";
}

} // namespace

process_ref watcher_of(const std::string& folder) {
  int fd = ::open(lock_file(folder).c_str(), O_RDWR | O_CLOEXEC);
  if (fd < 0)
    return {};
  bool free = !lock_of_others(fd);
  std::string text(64, '\0');
  auto n = ::pread(fd, text.data(), text.size(), 0);
  ::close(fd);
  if (free || n <= 0)
    return {};
  auto pid = static_cast<pid_t>(std::strtol(text.c_str(), nullptr, 10));
  return {pid, start_time(pid)};
}

watcher::watcher(const cli_environment& env, std::string folder, int lock)
  : env_(env),
    lock_(lock) {
  state_.data = std::move(folder);
}

watcher::~watcher() {
  ::close(lock_);
}

result<std::unique_ptr<watcher>> watcher::open(const cli_environment& env, std::string folder) {
  int fd = ::open(lock_file(folder).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return error{errc::storage, std::strerror(errno), lock_file(folder), ""};
  if (!take_lock(fd, lock_kind::exclusive)) {
    ::close(fd);
    return error{errc::in_use,
                 "process " + std::to_string(watcher_of(folder).pid)
                   + " runs a cluster in this folder",
                 folder, ""};
  }
  auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    ::close(fd);
    return error{errc::storage, std::strerror(errno), lock_file(folder), ""};
  }
  std::unique_ptr<watcher> out{new watcher(env, std::move(folder), fd)};
  auto before = read_cluster(out->state_.data);
  if (before && *before)
    out->state_ = std::move(**before);
  out->state_.watcher = self_process();
  return out;
}

/// A process that is about to end is none that runs; and until it has ended, its ports are not free for the next one.
void watcher::bury(dev_node& node) {
  if (node.process.pid == 0 || (is_alive(node.process) && !is_dying(node.process)))
    return;
  if (auto how = wait_ended(node.process, std::chrono::seconds{5})) {
    node.exit = *how;
    node.process = {};
    changed_ = true;
  }
}

result<void> watcher::plan_nodes(const dev_request& wanted) {
  state_.respawn = wanted.respawn;
  for (auto& node : state_.nodes)
    bury(node);
  std::vector<std::string> names;
  if (wanted.config.empty()) {
    names.assign(greek_names().begin(),
                 greek_names().begin()
                   + static_cast<ptrdiff_t>(std::min<uint64_t>(wanted.nodes, 9)));
  } else {
    config::load_options how;
    how.environment = config::process_environment();
    how.check_type = env_.check_type;
    how.check_message = env_.check_message;
    how.check_setting = env_.check_setting;
    how.node = "";
    auto outcome = config::load_file(wanted.config, how);
    if (!outcome)
      return config::to_error(outcome.mistakes);
    for (const auto& x : outcome.config->nodes)
      names.push_back(x.config.node.name);
  }
  std::vector<dev_node> nodes;
  std::vector<uint16_t> taken;
  for (const auto& x : state_.nodes)
    if (is_alive(x.process))
      taken.insert(taken.end(), {x.link_port, x.admin_port});
  for (const auto& name : names) {
    dev_node node;
    if (auto* known = state_.find(name))
      node = *known;
    node.name = name;
    if (!is_alive(node.process)) {
      node.process = {};
      for (auto* port : {&node.link_port, &node.admin_port}) {
        auto found = free_port(*port, taken);
        if (!found)
          return found.error();
        *port = *found;
        taken.push_back(*found);
      }
    }
    node.socket = state_.data + "/" + name + "/admin.sock";
    node.log = state_.data + "/" + name + "/node.log";
    node.admin_url = "http://127.0.0.1:" + std::to_string(node.admin_port);
    nodes.push_back(std::move(node));
  }
  for (auto& x : state_.nodes) // Others that run stay, so that `down` stops them.
    if (is_alive(x.process) && std::find(names.begin(), names.end(), x.name) == names.end())
      nodes.push_back(x);
  state_.nodes = std::move(nodes);
  return {};
}

result<void> watcher::plan_nats() {
  own_nats_ = true;
  if (!state_.config.empty() && state_.config != state_.data + "/cluster.yaml") {
    config::load_options how;
    how.environment = config::process_environment();
    auto outcome = config::load_file(state_.config, how);
    if (outcome)
      for (const auto& x : outcome.config->nodes)
        if (!x.config.nats.url.empty() || x.config.nats.managed) {
          own_nats_ = false;
          state_.nats_url = x.config.nats.url;
        }
  }
  if (!own_nats_ || nats_)
    return {};
  events::nats_server_options how;
  how.folder = state_.data + "/nats";
  // On the loopback of one person's machine; a token would keep other NATS clients from looking on.
  how.authentication = false;
  auto colon = state_.nats_url.rfind(':');
  auto before = colon == std::string::npos ? 0 : std::atoi(state_.nats_url.c_str() + colon + 1);
  if (is_alive(state_.nats)) {
    how.port = before;
  } else {
    std::vector<uint16_t> taken;
    for (const auto& x : state_.nodes)
      taken.insert(taken.end(), {x.link_port, x.admin_port});
    auto port = free_port(static_cast<uint16_t>(before), taken);
    if (!port)
      return port.error();
    how.port = *port;
  }
  auto prepared = events::nats_server::prepare(how);
  if (!prepared)
    return prepared.error();
  nats_ = std::move(*prepared);
  if (auto started = nats_->start(); !started)
    return started.error();
  state_.nats_url = "nats://127.0.0.1:" + std::to_string(how.port);
  state_.nats = {nats_->pid(), start_time(nats_->pid())};
  return {};
}

result<void> watcher::make_certificates(const std::string& node) {
  namespace pki = cluster::pki;
  auto ca = state_.data + "/ca";
  auto made = pki::make_ca(ca);
  if (!made && made.error().code != errc::already_exists)
    return made.error();
  auto folder = state_.data + "/" + node + "/tls";
  if (pki::check(pki::files_in(folder, node), node, system_clock().now()))
    return {};
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  return pki::issue(ca, node, folder);
}

result<void> watcher::plan_own_file(const dev_request& wanted) {
  settings_.clear();
  if (wanted.config.empty()) {
    state_.config = state_.data + "/cluster.yaml";
    return write_text_file(state_.config, development_yaml(state_, env_.development_config));
  }
  config::load_options how;
  how.environment = config::process_environment();
  how.check_type = env_.check_type;
  how.check_message = env_.check_message;
  how.check_setting = env_.check_setting;
  auto outcome = config::load_file(wanted.config, how);
  if (!outcome)
    return config::to_error(outcome.mistakes);
  for (auto& node : state_.nodes) {
    const auto* own = outcome.config->find(node.name);
    if (own == nullptr)
      continue;
    settings_[node.name] = missing_settings(state_, node, *own);
    auto data =
      own->config.node.data.empty() ? state_.data + "/" + node.name : own->config.node.data;
    node.socket =
      own->config.admin.socket.empty() ? data + "/admin.sock" : own->config.admin.socket;
    if (!own->config.log.file.empty())
      node.log = own->config.log.file;
    if (own->config.cluster.listen)
      node.link_port = own->config.cluster.listen->port;
    if (own->config.admin.listen)
      node.admin_url = (own->config.admin.tls.cert.empty() ? "http://" : "https://")
                       + config::to_string(*own->config.admin.listen);
  }
  return {};
}

result<void> watcher::start_node(dev_node& node) {
  auto folder = state_.data + "/" + node.name;
  std::error_code code;
  std::filesystem::create_directories(folder, code);
  if (code)
    return error{errc::storage, code.message(), folder, ""};
  process_options how;
  how.command = {env_.executable.empty() ? own_executable() : env_.executable,
                 "node",
                 "--config",
                 state_.config,
                 "--name",
                 node.name};
  how.environment = settings_[node.name];
  how.without = {"COPPICE_DATA", "COPPICE_NODE", "COPPICE_CONTEXT", "COPPICE_NAME",
                 "COPPICE_CONFIG"};
  how.output = folder + "/stderr.log";
  auto started = start_process(how);
  if (!started)
    return started.error();
  node.process = *started;
  node.exit.clear();
  changed_ = true;
  return {};
}

result<void> watcher::carry_out() {
  auto wanted = read_request(state_.data);
  if (!wanted)
    return wanted.error();
  auto done = start_missing(*wanted);
  state_.answered = wanted->id;
  state_.problem = done ? error{} : done.error();
  save();
  return done;
}

result<void> watcher::start_missing(const dev_request& wanted) {
  if (auto ok = plan_nodes(wanted); !ok)
    return ok;
  state_.config = wanted.config;
  if (auto ok = plan_nats(); !ok)
    return ok;
  for (const auto& node : state_.nodes)
    if (auto ok = make_certificates(node.name); !ok)
      return ok;
  if (auto ok = plan_own_file(wanted); !ok)
    return ok;
  for (auto& node : state_.nodes)
    if (!is_alive(node.process))
      if (auto ok = start_node(node); !ok)
        return ok;
  return {};
}

void watcher::save() {
  changed_ = false;
  (void)write_cluster(state_);
}

void watcher::respawn(dev_node& node) {
  auto now = system_clock().monotonic();
  auto& x = retries_[node.name];
  if (x.at == duration{}) {
    if (x.started != duration{} && now - x.started > std::chrono::seconds{30})
      x.delay = retry{}.delay; // It ran well for a while.
    x.at = now + x.delay;
    x.delay = std::min<duration>(x.delay * 2, std::chrono::seconds{10});
  } else if (now >= x.at) {
    x.at = {};
    x.started = now;
    (void)start_node(node);
  }
}

void watcher::tick() {
  for (auto& node : state_.nodes) {
    if (node.process.pid != 0) {
      auto how = reap(node.process.pid);
      if (how || !is_there(node.process)) {
        node.exit = how.value_or("ended");
        node.process = {};
        changed_ = true;
      }
    }
    if (node.process.pid == 0 && state_.respawn && !node.exit.empty())
      respawn(node);
  }
  if (nats_) {
    auto what = nats_->poll();
    auto pid = nats_->pid();
    if (pid != state_.nats.pid) {
      state_.nats = {pid, pid == 0 ? 0 : start_time(pid)};
      changed_ = true;
    }
    auto& x = retries_["/nats"];
    if (what == events::nats_server::state::ready) {
      x = {};
    } else if (what == events::nats_server::state::died) {
      auto now = system_clock().monotonic();
      if (x.at == duration{}) {
        x.at = now + x.delay;
        x.delay = std::min<duration>(x.delay * 2, std::chrono::seconds{10});
      } else if (now >= x.at) {
        x.at = {};
        (void)nats_->start();
      }
    }
  }
  if (changed_)
    save();
}

std::vector<std::string> watcher::stop(duration grace, const std::function<bool()>& hurry) {
  std::vector<std::string> killed;
  for (auto i = state_.nodes.rbegin(); i != state_.nodes.rend(); ++i) {
    auto& node = *i;
    if (node.process.pid == 0)
      continue;
    send_signal(node.process, SIGTERM);
    auto until = system_clock().monotonic() + grace;
    while (!wait_gone({node.process}, std::chrono::milliseconds{50}).empty()) {
      if (!hurry() && system_clock().monotonic() < until)
        continue;
      killed.push_back(node.name);
      send_signal(node.process, SIGKILL);
      wait_gone({node.process}, std::chrono::seconds{5});
      break;
    }
    node.process = {};
    node.exit = "stopped";
    save();
  }
  if (nats_) {
    if (nats_->stop(std::min<duration>(grace, std::chrono::seconds{5})))
      killed.emplace_back("nats-server");
    nats_.reset();
  }
  state_.nats = {};
  state_.watcher = {};
  save();
  return killed;
}

} // namespace coppice::cli
