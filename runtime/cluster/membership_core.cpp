#include "runtime/cluster/membership_core.hpp"

#include <algorithm>

namespace coppice::cluster {

namespace {

constexpr size_t members_max = 1024;
constexpr size_t targets_max = 1024;

/// After a silence that was long already, the link still gets this much time to come back.
constexpr duration return_time_min = std::chrono::milliseconds{500};

} // namespace

membership_core::membership_core(membership_config config, prng& random)
  : config_(std::move(config)),
    random_(random),
    self_(config_.self) {
  self_.state = member_state::joining;
  const auto& seeds = config_.seeds;
  if (seeds.empty() || own(seeds.front()))
    config_.allow_alone = true;
}

bool membership_core::own(const std::string& address) const {
  return address == self_.name || (!self_.address.empty() && address == self_.address);
}

void membership_core::emit(member_event::kind what, const member& who, std::string reason,
                           errc code) {
  events_.push_back({what, who, std::move(reason), code});
}

void membership_core::become(peer& x, member_state state, std::string reason, moment now) {
  x.info.state = state;
  x.info.since = now.wall;
  x.info.reason =
    state == member_state::suspect || state == member_state::down ? reason : std::string{};
  emit(kind_of(state), x.info, std::move(reason));
}

void membership_core::become_up(moment now) {
  if (self_.state != member_state::joining)
    return;
  self_.state = member_state::up;
  self_.since = now.wall;
  changed_ = true;
  emit(member_event::kind::up, self_);
}

void membership_core::link_up(member who, moment now) {
  if (peers_.size() >= members_max && peers_.count(who.name) == 0)
    return;
  auto [at, fresh] = peers_.try_emplace(who.name);
  auto& x = at->second;
  bool restarted = !fresh && x.info.incarnation != who.incarnation;
  if (restarted
      && (x.info.state == member_state::up || x.info.state == member_state::suspect
          || x.info.state == member_state::leaving || x.info.state == member_state::joining))
    become(x, member_state::down, x.left ? "leave" : "it was restarted", now);
  bool comes_back = !fresh && !restarted && x.info.state == member_state::suspect && x.was_up;
  x.info = std::move(who);
  x.linked = true;
  x.left = false;
  x.was_up = comes_back;
  become(x, comes_back ? member_state::up : member_state::joining, {}, now);
  // It may have moved: what it says now replaces what was known.
  std::erase_if(targets_, [&](const auto& t) {
    return !t.second.is_seed && !t.second.busy && t.second.expected == x.info.name
           && t.first != x.info.address;
  });
  add_target(x.info.address, x.info.name, now);
  for (auto& [address, t] : targets_)
    if (address == x.info.address || t.answers == x.info.name)
      t.pause = duration{0};
  changed_ = true;
}

void membership_core::link_lost(const std::string& name, const std::string& reason, duration silent,
                                moment now) {
  auto at = peers_.find(name);
  if (at == peers_.end() || !at->second.linked)
    return;
  auto& x = at->second;
  x.linked = false;
  changed_ = true;
  if (x.left) {
    x.deadline = now.monotonic + config_.remove_after;
    return become(x, member_state::down, "leave", now);
  }
  x.deadline =
    std::max(now.monotonic + return_time_min, now.monotonic - silent + config_.down_after);
  become(x, member_state::suspect, reason, now);
  for (auto& [address, t] : targets_)
    if (!t.busy && wanted(address, t))
      t.next = std::min(t.next, now.monotonic);
}

void membership_core::told(const std::string& by, const members_message& what, moment now) {
  auto at = peers_.find(by);
  if (at == peers_.end() || !at->second.linked || what.self.name != by)
    return;
  auto& x = at->second;
  bool other = x.info.roles != what.self.roles || x.info.admin_url != what.self.admin_url
               || x.info.address != what.self.address;
  x.info.roles = what.self.roles;
  x.info.admin_url = what.self.admin_url;
  x.info.address = what.self.address;
  if (what.self.state == member_state::up && x.info.state == member_state::joining) {
    x.was_up = true;
    become(x, member_state::up, {}, now);
  } else if (other) {
    emit(member_event::kind::changed, x.info);
  }
  if (what.self.state == member_state::up)
    become_up(now);
  for (const auto& one : what.linked)
    if (one.name != self_.name && !linked(one.name))
      add_target(one.address, one.name, now);
}

void membership_core::leave_announced(const std::string& name, moment now) {
  auto at = peers_.find(name);
  if (at == peers_.end() || !at->second.linked || at->second.left)
    return;
  at->second.left = true;
  become(at->second, member_state::leaving, "leave", now);
}

void membership_core::refused(const std::string& node, const std::string& address, const error& why,
                              moment now) {
  member who;
  who.name = node;
  who.address = address;
  who.since = now.wall;
  emit(member_event::kind::join_refused, who, why.message, why.code);
}

void membership_core::set_admin_url(std::string url, moment) {
  if (self_.admin_url == url)
    return;
  self_.admin_url = std::move(url);
  changed_ = true;
  emit(member_event::kind::changed, self_);
}

void membership_core::leave(moment now) {
  if (self_.state == member_state::leaving)
    return;
  self_.state = member_state::leaving;
  self_.since = now.wall;
  dials_.clear();
  emit(member_event::kind::leaving, self_, "leave");
}

void membership_core::add_target(const std::string& address, const std::string& expected,
                                 moment now) {
  if (address.empty() || own(address))
    return;
  if (auto at = targets_.find(address); at != targets_.end()) {
    if (!at->second.is_seed) {
      at->second.expected = expected;
      at->second.forget_at = now.monotonic + config_.forget_after;
    }
    return;
  }
  if (targets_.size() >= targets_max)
    return;
  target x;
  x.expected = expected;
  x.forget_at = now.monotonic + config_.forget_after;
  // Two nodes that hear of each other at the same time: the one with the larger name gives the
  // other the first try.
  x.next = expected < self_.name ? now.monotonic + 2 * config_.dial_min : now.monotonic;
  targets_.emplace(address, std::move(x));
}

bool membership_core::wanted(const std::string& address, const target& x) const {
  if (x.is_self || linked(x.expected) || linked(x.answers))
    return false;
  for (const auto& [name, p] : peers_)
    if (p.linked && p.info.address == address)
      return false;
  auto at = peers_.find(x.expected);
  return x.is_seed || at == peers_.end() || !at->second.left;
}

void membership_core::pause_target(target& x, moment now) {
  x.pause = x.pause == duration{0} ? config_.dial_min : std::min(x.pause * 2, config_.dial_max);
  auto factor = 1.0 + config_.jitter * (2 * random_.unit() - 1);
  x.next =
    now.monotonic + duration{static_cast<int64_t>(static_cast<double>(x.pause.count()) * factor)};
}

void membership_core::dial_ended(const dial_request& what, const std::string& answered,
                                 bool is_self, moment now) {
  auto at = targets_.find(what.address);
  if (at == targets_.end())
    return;
  auto& x = at->second;
  x.busy = false;
  x.is_self = is_self;
  if (!answered.empty())
    x.answers = answered;
  if (is_self && x.is_seed && !config_.seeds.empty() && config_.seeds.front() == what.address)
    config_.allow_alone = true;
  pause_target(x, now);
}

void membership_core::tick(moment now) {
  if (self_.state == member_state::leaving)
    return;
  if (!started_) {
    started_ = true;
    self_.since = now.wall;
    for (const auto& seed : config_.seeds)
      if (!own(seed) && targets_.size() < targets_max) {
        targets_[seed].is_seed = true;
        targets_[seed].next = now.monotonic;
      }
  }
  if (config_.allow_alone)
    become_up(now);
  for (auto at = peers_.begin(); at != peers_.end();) {
    auto& x = at->second;
    bool due = !x.linked && now.monotonic >= x.deadline;
    if (due && x.info.state == member_state::suspect) {
      x.deadline = now.monotonic + config_.remove_after;
      become(x, member_state::down, x.info.reason, now);
    } else if (due && x.info.state == member_state::down) {
      become(x, member_state::removed, "down for too long", now);
      std::erase_if(targets_, [&](const auto& t) {
        return !t.second.is_seed && t.second.expected == at->first;
      });
      at = peers_.erase(at);
      continue;
    }
    ++at;
  }
  for (auto at = targets_.begin(); at != targets_.end();) {
    auto& [address, x] = *at;
    if (!x.is_seed && !x.busy && peers_.count(x.expected) == 0 && now.monotonic >= x.forget_at) {
      at = targets_.erase(at);
      continue;
    }
    if (!x.busy && now.monotonic >= x.next && wanted(address, x)) {
      x.busy = true;
      dials_.push_back({address, x.expected});
    }
    ++at;
  }
}

std::vector<member_event> membership_core::take_events() {
  return std::exchange(events_, {});
}

std::vector<dial_request> membership_core::take_dials() {
  return std::exchange(dials_, {});
}

bool membership_core::take_changed() {
  return std::exchange(changed_, false);
}

members_message membership_core::message() const {
  members_message out;
  out.self = self_;
  for (const auto& [name, x] : peers_)
    if (x.linked && !x.left)
      out.linked.push_back({name, x.info.address});
  return out;
}

std::vector<member> membership_core::members() const {
  std::vector<member> out;
  out.push_back(self_);
  for (const auto& [name, x] : peers_)
    out.push_back(x.info);
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

bool membership_core::linked(const std::string& name) const {
  auto at = peers_.find(name);
  return at != peers_.end() && at->second.linked;
}

} // namespace coppice::cluster
