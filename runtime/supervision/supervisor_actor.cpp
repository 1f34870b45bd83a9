#include "runtime/supervision/supervisor_actor.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/supervision/cell_internals.hpp"
#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/supervision/urgent.hpp"

#include <caf/actor_cast.hpp>

namespace coppice::supervision {

/// The reason for those below a supervisor that was killed.
static constexpr std::string_view with_supervisor = "its supervisor was killed";

/// How many ends are told one by one when a supervisor is killed.
static constexpr size_t ends_told_max = 1000;

supervisor_actor::supervisor_actor(caf::actor_config& cfg,
                                   std::shared_ptr<supervision::branch> view, seat_ptr place,
                                   root_callbacks callbacks)
  : event_based_actor(cfg),
    view_(std::move(view)),
    place_(std::move(place)),
    callbacks_(std::move(callbacks)) {
  todo_.reserve(6);
  std::lock_guard guard{view_->mutex_};
  caf::weak_actor_ptr self{ctrl()};
  view_->supervisor_ = self;
  view_->owner_ = std::make_shared<seat_owner>(seat_owner{view_->path_, self, view_->observer_});
  if (view_->spec_->flags.strategy == strategy::simple_one_for_one)
    return;
  auto& children = view_->spec_->children;
  view_->slots_.resize(children.size());
  for (size_t i = 0; i < children.size(); ++i)
    view_->slots_[i].start = children[i];
}

caf::behavior supervisor_actor::make_behavior() {
  set_down_handler([this](caf::down_msg& x) { on_down(x); });
  // Ends come from the parent as commands; a stray exit message must not orphan the children.
  set_exit_handler([](caf::exit_msg&) {});
  set_default_handler(
    [this](caf::message& x) { return not_accepted(*this, view_->path_, *view_->observer_, x); });
  return {
    [this](const child_report& x) { on_report(x); },
    [this](supervisor_command& x) { return on_command(x); },
  };
}

// The clock of the actor system, so that a test's clock moves everything.
duration supervisor_actor::since_epoch() const {
  return clock().now().time_since_epoch();
}

/// The time for a command on a child, where it matters.
duration supervisor_actor::command_time() const {
  return view_->core_.heeds_time() ? since_epoch() : duration{0};
}

// -- input --------------------------------------------------------------------------------------------------------------

void supervisor_actor::on_report(const child_report& x) {
  caf::strong_actor_ptr gone; // Let go outside of the lock.
  bool is_supervisor = false;
  bool is_known = false;
  auto* outer = std::exchange(cause_, &x);
  step([&](supervisor_core& core, effects& out) {
    if (!core.holds(x.child))
      return; // Of a child that is gone.
    is_known = true;
    auto now = core.heeds_time(x.child) ? since_epoch() : duration{0};
    auto& slot = view_->at(x.child);
    is_supervisor = slot.sub != nullptr;
    if (x.what == child_report::kind::started || x.came_up)
      note_up(slot, x.at);
    auto temporary = slot.start.spec->restart == restart_type::temporary;
    if (x.what != child_report::kind::started) {
      if (x.gone)
        gone = std::exchange(slot.actor, nullptr);
      // A temporary child leaves the tree with its end.
      if (!temporary || !x.gone) {
        auto& trouble = slot.own_trouble();
        trouble.waiting = slot.place != nullptr && !x.gone;
        if (trouble.down_since.ns == 0)
          trouble.down_since = x.at;
        if (!temporary)
          trouble.last =
            last_exit{x.exit.reason, x.crash ? x.crash->message_type : std::string{}, x.at};
      }
    }
    if (x.what == child_report::kind::started || x.came_up)
      core.started(x.child, x.at, now, out);
    if (x.what == child_report::kind::start_failed)
      core.start_failed(x.child, x.exit.reason, now, out);
    else if (x.what == child_report::kind::ended)
      core.ended(x.child, x.exit, now, out);
  });
  cause_ = outer;
  if (gone && is_supervisor)
    demonitor(gone->address());
  if (is_known && x.what == child_report::kind::ended && !x.gone)
    end_when_stopped(x.child);
}

/// The time that it was down goes into the record of its restart.
void supervisor_actor::note_up(branch::slot& slot, instant at) {
  slot.settle();
  if (!slot.trouble || slot.trouble->down_since.ns == 0)
    return;
  if (slot.place && !view_->history_.empty()) {
    auto path = slot.place->path();
    for (auto i = view_->history_.rbegin(); i != view_->history_.rend(); ++i) {
      if (i->path == path && i->downtime == duration{0}) {
        i->downtime = at - slot.trouble->down_since;
        break;
      }
    }
  }
  slot.trouble->down_since = {};
}

/// A child that stays down keeps its spec, not its actor.
void supervisor_actor::end_when_stopped(child_ref child) {
  auto view = view_->core_.view(child);
  if (!view || view->state != child_state::stopped)
    return;
  caf::strong_actor_ptr actor;
  {
    std::lock_guard guard{view_->mutex_};
    auto& slot = view_->at(child);
    actor = std::exchange(slot.actor, nullptr);
    slot.settle();
  }
  tell(actor, cell_command::kind::end, {});
}

void supervisor_actor::on_down(const caf::down_msg& x) {
  // An ordinary end: its report was sent before, and may only be overtaken while many wait.
  if (x.reason == caf::exit_reason::user_shutdown)
    return;
  std::optional<child_ref> child;
  {
    std::lock_guard guard{view_->mutex_};
    for (auto& entry : view_->core_.children()) {
      auto& slot = view_->at(entry.child);
      if (slot.sub && slot.actor && slot.actor == x.source) {
        slot.actor = nullptr;
        child = entry.child;
      }
    }
  }
  if (child) {
    child_report report;
    report.what = child_report::kind::ended;
    report.child = *child;
    report.exit = {exit_kind::abnormal, "the supervisor itself failed: " + to_string(x.reason)};
    report.at = system_clock().now();
    on_report(report);
  }
}

// -- commands -----------------------------------------------------------------------------------------------------------

caf::result<caf::strong_actor_ptr> supervisor_actor::on_command(supervisor_command& x) {
  using kind = supervisor_command::kind;
  switch (x.what) {
    case kind::start:
      step([this](auto& core, auto& out) { core.start(system_clock().now(), since_epoch(), out); });
      return caf::strong_actor_ptr{};
    case kind::shutdown:
      step([&](auto& core, auto& out) { core.stop(x.reason, since_epoch(), out); });
      return caf::strong_actor_ptr{};
    case kind::add_child:
      return add_child(x);
    case kind::update_flags: {
      std::lock_guard guard{view_->mutex_};
      auto done = view_->core_.update_flags(x.flags);
      if (!done)
        return to_caf(done.error());
      return caf::strong_actor_ptr{};
    }
    case kind::kill:
    case kind::crash:
      if (x.id.empty()) {
        die_with_children(x.reason == with_supervisor);
        return caf::strong_actor_ptr{};
      }
      break;
    default:
      break;
  }
  auto child = view_->core_.find(x.id);
  if (!child)
    return to_caf({errc::not_found, view_->path() + " has no child '" + x.id + "'", x.id, {}});
  return control_child(x, *child);
}

/// This supervisor is killed. `told`: whoever killed the one above has told of all below it.
void supervisor_actor::die_with_children(bool told) {
  if (!std::exchange(killed_, true) && !told) {
    // Here and at once: how each of them ends is a matter of who comes first.
    std::vector<std::string> paths;
    auto all = collect_running(*view_, paths);
    view_->observer_->ended_with(view_->path_, paths, all - paths.size());
  }
  std::vector<std::pair<caf::strong_actor_ptr, bool>> victims;
  {
    std::lock_guard guard{view_->mutex_};
    for (auto& slot : view_->slots_)
      if (slot.actor)
        victims.emplace_back(slot.actor, slot.sub != nullptr);
  }
  for (auto& [victim, is_supervisor] : victims) {
    if (is_supervisor)
      command(victim, supervisor_command::kind::kill, std::string{with_supervisor});
    else
      tell(victim, cell_command::kind::kill, std::string{with_supervisor});
  }
  step([&](auto& core, auto& out) { core.stop("killed", since_epoch(), out); });
}

/// Paths of all below that have an actor, as a shutdown would end them: the last first, a supervisor after its children.
/// Gives their number; at most `ends_told_max` are in `out`.
size_t supervisor_actor::collect_running(const supervision::branch& from,
                                         std::vector<std::string>& out) {
  std::vector<std::pair<std::string, std::shared_ptr<supervision::branch>>> children;
  {
    std::lock_guard guard{from.mutex_};
    for (auto& entry : from.core_.children())
      if (entry.child.slot < from.slots_.size() && from.slots_[entry.child.slot].actor)
        children.emplace_back(from.path_of(entry.id), from.slots_[entry.child.slot].sub);
  }
  size_t count = children.size();
  for (auto i = children.rbegin(); i != children.rend(); ++i) {
    if (i->second)
      count += collect_running(*i->second, out);
    if (out.size() < ends_told_max)
      out.push_back(std::move(i->first));
  }
  return count;
}

caf::result<caf::strong_actor_ptr> supervisor_actor::control_child(const supervisor_command& x,
                                                                   child_ref child) {
  using kind = supervisor_command::kind;
  switch (x.what) {
    case kind::restart: {
      auto number = open(child);
      result<void> accepted;
      by_hand_ = true;
      step([&](auto& core, auto& out) {
        accepted = core.restart_child(child, number, command_time(), out);
      });
      by_hand_ = false;
      return later(number, std::move(accepted));
    }
    case kind::stop: {
      auto number = open(child);
      result<void> accepted;
      step([&](auto& core, auto& out) {
        accepted = core.terminate_child(child, number, command_time(), out);
      });
      if (auto& place = view_->at(child).place; accepted && place)
        place->suspended.store(false, std::memory_order_relaxed);
      return later(number, std::move(accepted));
    }
    case kind::remove:
      return remove_child(child);
    case kind::kill:
      return tell_child(child, cell_command::kind::kill, x.reason.empty() ? "killed" : x.reason);
    case kind::crash:
      return tell_child(child, cell_command::kind::crash,
                        x.reason.empty() ? "fault drill" : x.reason);
    case kind::suspend:
    case kind::resume: {
      auto suspend = x.what == kind::suspend;
      result<void> done;
      {
        std::lock_guard guard{view_->mutex_};
        done = view_->core_.set_suspended(child, suspend);
        if (done && suspend)
          view_->at(child).own_trouble().suspended_since = system_clock().now();
        if (auto& place = view_->at(child).place; done && place)
          place->suspended.store(suspend, std::memory_order_relaxed);
      }
      if (!done)
        return refusal(done.error());
      return tell_child(child, suspend ? cell_command::kind::suspend : cell_command::kind::resume,
                        {});
    }
    case kind::update_spec: {
      std::lock_guard guard{view_->mutex_};
      auto& slot = view_->at(child);
      // What a supervisor below starts with counts from its next start.
      if (x.child.supervisor && slot.start.supervisor)
        slot.start.supervisor = x.child.supervisor;
      if (!x.child.spec)
        return slot.actor;
      auto done = view_->core_.update_spec(child, x.child.spec);
      if (!done)
        return refusal(done.error());
      slot.start.spec = x.child.spec;
      if (slot.place)
        slot.place->configure(*x.child.spec);
      return slot.actor;
    }
    default:
      return to_caf({errc::internal, "unknown supervisor command", {}, {}});
  }
}

/// A number for a command that ends later. Its lower half says where the command is kept; 0 is none.
uint64_t supervisor_actor::open(child_ref child, bool removes) {
  auto place = commands_.lend();
  if (++last_command_ == 0)
    last_command_ = 1;
  auto number = (uint64_t{last_command_} << 32) | place;
  commands_[place] = {number, make_response_promise(), child, removes};
  return number;
}

std::optional<supervisor_actor::open_command> supervisor_actor::close(uint64_t command) {
  auto place = static_cast<uint32_t>(command);
  if (command == 0 || place >= commands_.size() || commands_[place].number != command)
    return std::nullopt;
  auto out = std::exchange(commands_[place], {});
  commands_.give_back(place);
  return out;
}

/// The core knows its children by id; who asks is told the path.
caf::error supervisor_actor::refusal(error reason) const {
  if (is_name(reason.at))
    reason.at = view_->path_of(reason.at);
  return to_caf(reason);
}

/// The answer to a command that ends later, or at once when it was not accepted.
caf::result<caf::strong_actor_ptr> supervisor_actor::later(uint64_t command,
                                                           result<void> accepted) {
  if (!accepted)
    if (auto refused = close(command))
      refused->promise.deliver(refusal(accepted.error()));
  return caf::delegated<caf::strong_actor_ptr>{};
}

caf::result<caf::strong_actor_ptr> supervisor_actor::add_child(supervisor_command& x) {
  // Nobody waits for the answer to an asynchronous message.
  auto number = current_mailbox_element()->mid.is_request() ? open({}) : 0;
  result<child_ref> added = error{errc::internal, "no decision", {}, {}};
  step([&](supervisor_core& core, effects& out) {
    auto simple = core.flags().strategy == strategy::simple_one_for_one;
    std::optional<child_ref> before;
    for (auto id = x.before.begin(); !before && id != x.before.end(); ++id)
      before = core.find(*id);
    added =
      core.add_child(simple ? nullptr : x.child.spec, x.id, number, command_time(), out, before);
    if (!added)
      return;
    view_->at(*added) = {};
    view_->at(*added).start = simple ? view_->spec_->children.front() : std::move(x.child);
    if (number != 0)
      commands_[static_cast<uint32_t>(number)].child = *added;
  });
  return later(number, added ? result<void>{} : added.error());
}

caf::result<caf::strong_actor_ptr> supervisor_actor::remove_child(child_ref child) {
  result<void> deleted;
  step([&](auto& core, auto& out) { deleted = core.delete_child(child, out); });
  if (deleted)
    return caf::strong_actor_ptr{};
  if (deleted.error().code != errc::refused)
    return refusal(deleted.error());
  // It runs: stop it first, then drop the spec.
  auto number = open(child, true);
  result<void> accepted;
  step([&](auto& core, auto& out) {
    accepted = core.terminate_child(child, number, command_time(), out);
  });
  return later(number, std::move(accepted));
}

caf::result<caf::strong_actor_ptr>
supervisor_actor::tell_child(child_ref child, cell_command::kind what, const std::string& reason) {
  caf::strong_actor_ptr actor;
  std::shared_ptr<supervision::branch> sub;
  {
    std::lock_guard guard{view_->mutex_};
    auto& slot = view_->at(child);
    actor = slot.actor;
    sub = slot.sub;
  }
  if (!actor)
    return to_caf({errc::actor_stopped, "nothing runs there", {}, {}});
  if (!sub) {
    tell(actor, what, reason);
    return actor;
  }
  using from = cell_command::kind;
  using to = supervisor_command::kind;
  switch (what) {
    case from::kill:
      command(actor, to::kill, reason);
      break;
    case from::crash:
      command(actor, to::crash, reason);
      break;
    case from::suspend:
    case from::resume:
      for (auto& entry : sub->snapshot(1).children) {
        supervisor_command next;
        next.what = what == from::suspend ? to::suspend : to::resume;
        next.id = entry.id;
        send_command(actor, std::move(next));
      }
      break;
    default:
      break;
  }
  return actor;
}

// -- telling others -----------------------------------------------------------------------------------------------------

void supervisor_actor::report_up(child_report::kind what, exit_info exit) {
  child_report report;
  report.what = what;
  report.gone = what != child_report::kind::started; // It quits right afterwards.
  report.child = place_->child();
  report.exit = std::move(exit);
  report.at = system_clock().now();
  send_urgent(caf::actor_cast<caf::strong_actor_ptr>(place_->owner().supervisor), std::move(report),
              context());
}

void supervisor_actor::tell(const caf::strong_actor_ptr& to, cell_command::kind what,
                            std::string reason) {
  send_urgent(to, cell_command{what, std::move(reason)}, context());
}

void supervisor_actor::command(const caf::strong_actor_ptr& to, supervisor_command::kind what,
                               std::string reason) {
  supervisor_command x;
  x.what = what;
  x.reason = std::move(reason);
  send_urgent(to, std::move(x), context());
}

void send_command(const caf::strong_actor_ptr& supervisor, supervisor_command command) {
  send_urgent(supervisor, std::move(command), nullptr);
}

caf::strong_actor_ptr spawn_root(caf::actor_system& system, std::shared_ptr<branch> view,
                                 root_callbacks callbacks) {
  caf::actor_config cfg;
  return caf::actor_cast<caf::strong_actor_ptr>(
    system.spawn_impl<supervisor_actor, caf::no_spawn_options>(cfg, std::move(view), seat_ptr{},
                                                               std::move(callbacks)));
}

} // namespace coppice::supervision
