// What the links say, and what follows from it.
#include "runtime/cluster/cluster_impl.hpp"

namespace coppice::cluster {

namespace {

constexpr size_t early_max = 16;
/// What CAF may hold for a link that does not move for `stalled_for`, and for one that moves, but
/// too slowly.
constexpr duration stalled_for = std::chrono::milliseconds{100};
constexpr size_t stalled_backlog_max = 32u << 20;
constexpr size_t moving_backlog_max = 256u << 20;

/// Part of the normal life of a full mesh, of no interest to a person.
bool is_ordinary(const refusal& x) {
  return x.reason == "duplicate" || x.reason == "self" || x.reason == "paused";
}

} // namespace

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

void cluster::impl::on_gate(const std::string& node, uint64_t id,
                            const result<remote_gate>& answer) {
  auto at = connections_.find(node);
  if (at == connections_.end() || at->second.id != id)
    return;
  if (!answer) {
    links_->close(node, answer.error().message);
    return;
  }
  auto& x = at->second;
  x.ready = true;
  was_linked_ = true;
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
  // Of two with one name only the one that dials can be too many: it looks for a cluster, the other one is found.
  log(true, "connection from " + remote + " refused (" + why.reason + "): " + why.what.message);
  turned_away_.add(remote, why.reason, why.what.message, now().monotonic);
  tell_turned_away();
}

void cluster::impl::tell_turned_away() {
  for (auto& x : turned_away_.take_due(now().monotonic))
    if (config_.on_turned_away)
      config_.on_turned_away(x);
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

/// Says why a node cannot be joined when the reason changes, and rarely while it stays.
void cluster::impl::tell_refusal(const std::string& node, const std::string& address,
                                 const refusal& why) {
  auto& last = told_refusals_[address];
  auto is_new = last.words != why.what.message;
  auto when = now().monotonic;
  if (!is_new && when - last.at < config_.repeat_warning)
    return;
  last = {why.what.message, when};
  log(true, "node " + (node.empty() ? std::string{} : "'" + node + "' ") + "at " + address
              + " cannot be joined (" + why.reason + "): " + why.what.message);
  auto code = why.what.code;
  // Who has been a member keeps its name, whatever the clocks say of who came first.
  if (code == errc::already_exists && was_linked_)
    return;
  if (is_new && core_ && (code == errc::join_refused || code == errc::already_exists)
      && (why.against_us || code == errc::already_exists || !node.empty()))
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
    log(true,
        "node '" + node + "' sent something that is not understood: " + message.error().message);
    return;
  }
  core_->told(node, *message, now());
}

/// What a link does not take at once grows CAF's own buffer, which has no bound: look at it, and
/// give the link up when it passes ours.
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
        x.links_->close(node, "the other side does not take what is sent: "
                                + std::to_string(bytes >> 20) + " MiB wait in the actor system");
    });
  });
}

void cluster::impl::on_tick() {
  if (!core_)
    return;
  core_->tick(now());
  settle();
  tell_turned_away();
  std::vector<link_info> links;
  for (auto& x : links_->stats())
    links.push_back(
      {x.node, x.remote, x.initiator, x.since, x.rtt, x.bytes_in, x.bytes_out, x.queued_bytes});
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

} // namespace coppice::cluster
