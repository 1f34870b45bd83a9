#include "runtime/cluster/cluster_impl.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"

#include <future>

namespace coppice::cluster {

namespace {

constexpr int log_lines_max = 20;
constexpr duration log_window = std::chrono::seconds{1};

uint64_t seed_of(const options& x) {
  return x.seed != 0 ? x.seed : random_seed();
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
  auto links = std::make_shared<link_server>(settings(), callbacks());
  {
    std::lock_guard life{life_mutex_};
    COPPICE_ASSERT(!links_);
    links_ = links;
    bridge_ = std::make_unique<basp_bridge>(system, gate);
  }
  auto port = links->listen(config_.listen);
  if (!port) {
    std::lock_guard life{life_mutex_};
    links_.reset();
    bridge_.reset();
    return port;
  }
  {
    std::lock_guard guard{mutex_};
    own_gate_ = std::move(gate);
  }
  // Only now the own address is known; the first connection is taken once it is.
  auto ready = std::make_shared<std::promise<void>>();
  links->post([this, ready, address = address_for_others(config_, *port)] {
    core_ = std::make_unique<membership_core>(membership(address), random_);
    ready->set_value();
  });
  links->begin();
  ready->get_future().wait();
  return port;
}

link_settings cluster::impl::settings() const {
  link_settings out;
  out.node = config_.node;
  out.certificates = config_.certificates;
  out.heartbeat = config_.heartbeat;
  out.silence = config_.silence;
  return out;
}

link_callbacks cluster::impl::callbacks() {
  // They run on a thread that `stop` joins, so `this` outlives them.
  link_callbacks on;
  on.join = [this] { return join(); };
  on.joined = [this](link_joined x) { on_joined(std::move(x)); };
  on.lost = [this](const auto& node, const auto& reason, duration silent) {
    on_lost(node, reason, silent);
  };
  on.refused = [this](const auto& remote, const auto& why) { on_refused(remote, why); };
  on.dial_ended = [this](const auto& x) { on_dial_ended(x); };
  on.control = [this](const auto& node, std::string_view json) { on_control(node, json); };
  on.busy = [this](const auto& node, uint64_t id, duration stalled) { on_busy(node, id, stalled); };
  on.tick = [this] { on_tick(); };
  return on;
}

membership_config cluster::impl::membership(const std::string& address) const {
  membership_config out;
  out.self.name = config_.node;
  out.self.since = system_clock().now();
  out.self.roles = config_.roles;
  out.self.address = address;
  out.self.admin_url = config_.admin_url;
  out.self.version = config_.version;
  out.self.incarnation = std::to_string(config_.incarnation.ns);
  out.self.schema = config_.schema_fingerprint;
  out.seeds = config_.seeds;
  out.allow_alone = config_.allow_alone;
  out.down_after = config_.down_after;
  out.remove_after = config_.remove_after;
  return out;
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
  // Connections may be accepted before the core knows the port; they get an empty address, and the
  // right one later.
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

result<caf::actor> cluster::impl::gate_of(std::string_view node) const {
  std::lock_guard guard{mutex_};
  if (node == config_.node && own_gate_)
    return own_gate_;
  if (auto at = gates_.find(node); at != gates_.end())
    return at->second.gate;
  for (const auto& x : picture_.members)
    if (x.name == node)
      return error{errc::node_down,
                   "node '" + std::string{node} + "' is " + std::string{to_string(x.state)}, "",
                   ""};
  std::vector<std::string> names;
  for (const auto& x : picture_.members)
    names.push_back(x.name);
  return error{errc::not_found, "there is no node '" + std::string{node} + "'", "",
               nearest_name(node, names)};
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
  bool started = false;
  {
    std::lock_guard life{life_mutex_};
    started = links_ != nullptr;
  }
  subscription id = 0;
  {
    std::lock_guard guard{mutex_};
    id = next_subscription_++;
    if (!started)
      subscribers_[id] = to;
  }
  if (!started)
    return id;
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

/// Strangers must not fill the log: at most some lines a second, and the number of those that were
/// left out.
void cluster::impl::log(bool warning, const std::string& line) {
  if (!config_.log)
    return;
  auto at = system_clock().monotonic();
  if (at - log_window_ >= log_window) {
    if (log_dropped_ > 0)
      config_.log(true,
                  std::to_string(log_dropped_) + " further lines of the cluster were left out");
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
