#include "runtime/supervision/supervisor_actor.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <caf/actor_cast.hpp>
#include <caf/disposable.hpp>
#include <caf/mailbox_element.hpp>

namespace coppice::supervision {

namespace {

// How long a killed child may take to react before it is left behind: its handler does not return.
constexpr auto kill_grace = std::chrono::seconds{1};

template <class T>
void send_urgent(const caf::strong_actor_ptr& to, T&& x, caf::execution_unit* host) {
  if (to)
    to->enqueue(caf::make_mailbox_element(nullptr,
                                          caf::make_message_id(caf::message_priority::high), {},
                                          std::forward<T>(x)),
                host);
}

} // namespace

supervisor_actor::supervisor_actor(caf::actor_config& cfg,
                                   std::shared_ptr<supervision::branch> view, seat_ptr place,
                                   root_callbacks callbacks)
  : event_based_actor(cfg),
    view_(std::move(view)),
    place_(std::move(place)),
    callbacks_(std::move(callbacks)) {
  std::lock_guard guard{view_->mutex_};
  caf::weak_actor_ptr self{ctrl()};
  view_->supervisor_ = self;
  view_->owner_ = std::make_shared<seat_owner>(seat_owner{view_->path_, self, view_->observer_});
  // The initial children get slots in list order; simple_one_for_one starts with none.
  if (view_->spec_->flags.strategy != strategy::simple_one_for_one)
    for (auto& start : view_->spec_->children)
      if (auto child = view_->core_.find(start.spec->id))
        view_->at(*child).start = start;
}

caf::behavior supervisor_actor::make_behavior() {
  set_down_handler([this](caf::down_msg& x) { on_down(x); });
  // Ends come from the parent as commands; a stray exit message must not orphan the children.
  set_exit_handler([](caf::exit_msg&) {});
  return {
    [this](const child_report& x) { on_report(x); },
    [this](supervisor_command& x) { return on_command(x); },
  };
}

// The clock of the actor system, so that a test's clock moves everything.
duration supervisor_actor::since_epoch() const {
  return clock().now().time_since_epoch();
}

// -- input --------------------------------------------------------------------------------------------------------------

template <class F>
void supervisor_actor::step(F input) {
  {
    std::lock_guard guard{view_->mutex_};
    input(view_->core_, todo_);
  }
  if (performing_)
    return;
  performing_ = true;
  // An effect may give further input, whose effects come last.
  for (size_t i = 0; i < todo_.size(); ++i) {
    auto next = std::move(todo_[i]);
    std::visit([this](auto& x) { perform(x); }, next);
  }
  todo_.clear();
  performing_ = false;
}

void supervisor_actor::on_report(const child_report& x) {
  caf::strong_actor_ptr gone; // Let go outside of the lock.
  bool is_supervisor = false;
  {
    std::lock_guard guard{view_->mutex_};
    if (!view_->core_.holds(x.child))
      return; // Of a child that is gone.
    auto& slot = view_->at(x.child);
    is_supervisor = slot.sub != nullptr;
    if (x.what == child_report::kind::started || x.came_up)
      note_up(slot, x.at);
    if (x.what != child_report::kind::started) {
      slot.waiting = slot.place != nullptr && !x.gone;
      if (x.gone)
        gone = std::exchange(slot.actor, nullptr);
      if (slot.down_since.ns == 0)
        slot.down_since = x.at;
      // A temporary child leaves the tree with its end.
      if (slot.start.spec->restart != restart_type::temporary) {
        auto type = x.crash ? x.crash->message_type : std::string{};
        slot.last = std::make_unique<last_exit>(last_exit{x.exit.reason, std::move(type), x.at});
      }
    }
  }
  if (gone && is_supervisor)
    demonitor(gone->address());
  cause_ = &x;
  auto now = since_epoch();
  if (x.came_up)
    step([&](auto& core, auto& out) { core.started(x.child, x.at, now, out); });
  switch (x.what) {
    case child_report::kind::started:
      step([&](auto& core, auto& out) { core.started(x.child, x.at, now, out); });
      break;
    case child_report::kind::start_failed:
      step([&](auto& core, auto& out) { core.start_failed(x.child, x.exit.reason, now, out); });
      break;
    case child_report::kind::ended:
      step([&](auto& core, auto& out) { core.ended(x.child, x.exit, now, out); });
      if (!x.gone)
        end_when_stopped(x.child);
      break;
  }
  cause_ = nullptr;
}

/// The time that it was down goes into the record of its restart.
void supervisor_actor::note_up(branch::slot& slot, instant at) {
  slot.waiting = false;
  if (slot.down_since.ns == 0)
    return;
  if (slot.place && !view_->history_.empty()) {
    auto path = slot.place->path();
    for (auto i = view_->history_.rbegin(); i != view_->history_.rend(); ++i) {
      if (i->path == path && i->downtime == duration{0}) {
        i->downtime = at - slot.down_since;
        break;
      }
    }
  }
  slot.down_since = {};
}

/// A child that stays down keeps its spec, not its actor.
void supervisor_actor::end_when_stopped(child_ref child) {
  caf::strong_actor_ptr actor;
  {
    std::lock_guard guard{view_->mutex_};
    auto view = view_->core_.view(child);
    if (!view || view->state != child_state::stopped)
      return;
    auto& slot = view_->at(child);
    actor = std::move(slot.actor);
    slot.actor = nullptr;
    slot.waiting = false;
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
        // This supervisor itself: its children die with it.
        killed_ = true;
        std::vector<caf::strong_actor_ptr> victims;
        {
          std::lock_guard guard{view_->mutex_};
          for (auto& slot : view_->slots_)
            if (slot.actor)
              victims.push_back(slot.actor);
        }
        for (auto& victim : victims)
          tell(victim, cell_command::kind::kill, "its supervisor was killed");
        step([&](auto& core, auto& out) { core.stop("killed", since_epoch(), out); });
        return caf::strong_actor_ptr{};
      }
      break;
    default:
      break;
  }
  std::optional<child_ref> child;
  {
    std::lock_guard guard{view_->mutex_};
    child = view_->core_.find(x.id);
  }
  if (!child)
    return to_caf({errc::not_found, view_->path() + " has no child '" + x.id + "'", x.id, {}});
  return control_child(x, *child);
}

caf::result<caf::strong_actor_ptr> supervisor_actor::control_child(const supervisor_command& x,
                                                                   child_ref child) {
  using kind = supervisor_command::kind;
  switch (x.what) {
    case kind::restart: {
      auto number = ++last_command_;
      result<void> accepted;
      auto promise = make_response_promise();
      commands_.emplace(number, std::pair{promise, child});
      by_hand_ = true;
      step([&](auto& core, auto& out) {
        accepted = core.restart_child(child, number, since_epoch(), out);
      });
      by_hand_ = false;
      return later(number, std::move(accepted));
    }
    case kind::stop: {
      auto number = ++last_command_;
      result<void> accepted;
      auto promise = make_response_promise();
      commands_.emplace(number, std::pair{promise, child});
      step([&](auto& core, auto& out) {
        accepted = core.terminate_child(child, number, since_epoch(), out);
      });
      std::lock_guard guard{view_->mutex_};
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
        if (auto& place = view_->at(child).place; done && place)
          place->suspended.store(suspend, std::memory_order_relaxed);
      }
      if (!done)
        return to_caf(done.error());
      return tell_child(child, suspend ? cell_command::kind::suspend : cell_command::kind::resume,
                        {});
    }
    case kind::update_spec: {
      std::lock_guard guard{view_->mutex_};
      auto done = view_->core_.update_spec(child, x.child.spec);
      if (!done)
        return to_caf(done.error());
      auto& slot = view_->at(child);
      slot.start.spec = x.child.spec;
      if (slot.place)
        slot.place->configure(*x.child.spec);
      return slot.actor;
    }
    default:
      return to_caf({errc::internal, "unknown supervisor command", {}, {}});
  }
}

/// The answer to a command that ends later, or at once when it was not accepted.
caf::result<caf::strong_actor_ptr> supervisor_actor::later(uint64_t command,
                                                           result<void> accepted) {
  if (!accepted) {
    if (auto i = commands_.find(command); i != commands_.end()) {
      auto promise = std::move(i->second.first);
      commands_.erase(i);
      promise.deliver(to_caf(accepted.error()));
    }
  }
  return caf::delegated<caf::strong_actor_ptr>{};
}

caf::result<caf::strong_actor_ptr> supervisor_actor::add_child(supervisor_command& x) {
  // Nobody waits for the answer to an asynchronous message.
  auto number = current_mailbox_element()->mid.is_request() ? ++last_command_ : 0;
  auto promise = number != 0 ? make_response_promise() : caf::response_promise{};
  result<child_ref> added = error{errc::internal, "no decision", {}, {}};
  step([&](supervisor_core& core, effects& out) {
    auto simple = core.flags().strategy == strategy::simple_one_for_one;
    added = core.add_child(simple ? nullptr : x.child.spec, x.id, number, since_epoch(), out);
    if (added) {
      view_->at(*added) = {};
      view_->at(*added).start = simple ? view_->spec_->children.front() : std::move(x.child);
      if (number != 0)
        commands_.emplace(number, std::pair{promise, *added});
    }
  });
  if (!added && number != 0)
    promise.deliver(to_caf(added.error()));
  return caf::delegated<caf::strong_actor_ptr>{};
}

caf::result<caf::strong_actor_ptr> supervisor_actor::remove_child(child_ref child) {
  result<void> deleted;
  step([&](auto& core, auto& out) { deleted = core.delete_child(child, out); });
  if (deleted)
    return caf::strong_actor_ptr{};
  if (deleted.error().code != errc::refused)
    return to_caf(deleted.error());
  // It runs: stop it first, then drop the spec.
  auto number = ++last_command_;
  auto promise = make_response_promise();
  result<void> accepted;
  commands_.emplace(number, std::pair{promise, child});
  removals_.insert(number);
  step([&](auto& core, auto& out) {
    accepted = core.terminate_child(child, number, since_epoch(), out);
  });
  if (!accepted)
    removals_.erase(number);
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

// -- effects ------------------------------------------------------------------------------------------------------------

void supervisor_actor::perform(const effect::start_child& x) {
  std::unique_lock guard{view_->mutex_};
  auto view = view_->core_.view(x.child);
  if (!view)
    return;
  auto& slot = view_->at(x.child);
  if (slot.start.supervisor) {
    guard.unlock();
    start_supervisor(x.child, slot, *view);
    return;
  }
  if (!slot.place)
    slot.place = std::make_shared<seat>(view_->owner_, std::string{view->id}, x.child, *view->spec);
  if (slot.actor && slot.waiting) {
    tell(slot.actor, cell_command::kind::restart, slot.last ? slot.last->reason : std::string{});
    return;
  }
  guard.unlock();
  start_worker(x.child, slot, *view);
}

void supervisor_actor::start_worker(child_ref child, branch::slot& slot, const child_view& view) {
  try {
    auto actor = slot.start.recipe->spawn(*context(), slot.place, view.spec->isolation);
    std::lock_guard guard{view_->mutex_};
    slot.actor = std::move(actor);
    slot.waiting = false;
  } catch (const std::exception& e) {
    child_report report;
    report.what = child_report::kind::start_failed;
    report.child = child;
    report.exit = {exit_kind::abnormal, e.what()};
    report.at = system_clock().now();
    on_report(report);
  }
}

void supervisor_actor::start_supervisor(child_ref child, branch::slot& slot,
                                        const child_view& view) {
  auto path = view_->path_of(view.id);
  auto sub =
    std::make_shared<supervision::branch>(std::move(path), slot.start.supervisor, view_->observer_);
  auto place = std::make_shared<seat>(view_->owner_, std::string{view.id}, child, *view.spec);
  caf::actor_config cfg{context()};
  auto actor = caf::actor_cast<caf::strong_actor_ptr>(
    system().spawn_impl<supervisor_actor, caf::no_spawn_options>(cfg, sub, std::move(place),
                                                                 root_callbacks{}));
  monitor(actor);
  {
    std::lock_guard guard{view_->mutex_};
    slot.sub = std::move(sub);
    slot.actor = actor;
    slot.waiting = false;
  }
  command(actor, supervisor_command::kind::start, {});
}

void supervisor_actor::perform(const effect::stop_child& x) {
  std::lock_guard guard{view_->mutex_};
  auto& slot = view_->at(x.child);
  if (slot.sub)
    command(slot.actor, supervisor_command::kind::shutdown, "its supervisor stops it");
  else
    send_urgent(slot.actor, cell_command{cell_command::kind::stop, {}, x.for_good}, context());
}

void supervisor_actor::perform(const effect::kill_child& x) {
  {
    std::lock_guard guard{view_->mutex_};
    auto& slot = view_->at(x.child);
    if (slot.sub)
      command(slot.actor, supervisor_command::kind::kill, "killed");
    else
      tell(slot.actor, cell_command::kind::kill, "killed");
  }
  run_delayed(kill_grace, [this, child = x.child] { leave_behind(child); });
}

/// The handler of a killed child did not return: go on without it, so that a shutdown or a restart is not held up.
void supervisor_actor::leave_behind(child_ref child) {
  std::string path;
  {
    std::lock_guard guard{view_->mutex_};
    auto view = view_->core_.view(child);
    if (!view || view->state != child_state::stopping)
      return;
    auto& slot = view_->at(child);
    if (slot.place)
      slot.place->left_behind.store(true, std::memory_order_relaxed);
    path = view_->path_of(view->id);
    // Its place is taken by another: what it still says must not reach us as if it were the new one.
    slot.place = nullptr;
    slot.actor = nullptr;
    slot.waiting = false;
  }
  view_->observer_->stop_overdue(path, true);
  child_report report;
  report.what = child_report::kind::ended;
  report.child = child;
  report.exit = {exit_kind::abnormal, "left behind: its handler does not return"};
  report.at = system_clock().now();
  on_report(report);
}

void supervisor_actor::perform(const effect::discard_child& x) {
  caf::strong_actor_ptr actor;
  {
    std::lock_guard guard{view_->mutex_};
    auto& slot = view_->at(x.child);
    actor = std::move(slot.actor);
    slot.actor = nullptr;
    slot.waiting = false;
  }
  tell(actor, cell_command::kind::end, {});
}

void supervisor_actor::perform(const effect::child_removed& x) {
  branch::slot gone;
  {
    std::lock_guard guard{view_->mutex_};
    std::swap(gone, view_->at(x.child));
  }
  if (gone.actor && !gone.sub)
    tell(gone.actor, cell_command::kind::end, {});
}

void supervisor_actor::perform(const effect::arm_timer& x) {
  auto now = since_epoch();
  auto when = x.delay > duration::max() - now ? duration::max() : now + x.delay;
  timers_.arm(x.token, when);
  set_alarm(now);
}

void supervisor_actor::perform(const effect::cancel_timer& x) {
  // The alarm stays: most timers are cancelled, and the clock is slow compared with what a supervisor does.
  timers_.cancel(x.token);
}

/// One entry in the actor system's clock serves all timers; it is moved only when one comes earlier.
void supervisor_actor::set_alarm(duration now) {
  auto next = timers_.next();
  if (!next || (alarm_at_ && *alarm_at_ <= *next))
    return;
  alarm_.dispose();
  alarm_at_ = *next;
  alarm_ = run_delayed(*next - now, [this] {
    alarm_at_.reset();
    auto now = since_epoch();
    while (auto token = timers_.take_due(now))
      step([&](auto& core, auto& out) { core.timer_fired(*token, now, out); });
    set_alarm(now);
  });
}

void supervisor_actor::perform(const effect::supervisor_started&) {
  if (place_)
    report_up(child_report::kind::started, {});
  else if (callbacks_.started)
    callbacks_.started();
}

void supervisor_actor::perform(const effect::supervisor_ended& x) {
  std::vector<caf::strong_actor_ptr> left;
  {
    std::lock_guard guard{view_->mutex_};
    for (auto& slot : view_->slots_)
      if (slot.actor && !slot.sub)
        left.push_back(std::move(slot.actor));
  }
  for (auto& actor : left)
    tell(actor, cell_command::kind::end, {});
  for (auto& [number, waiting] : commands_)
    waiting.first.deliver(
      to_caf({errc::actor_stopped, "the supervisor ended: " + x.why.reason, view_->path(), {}}));
  commands_.clear();
  using kind = end_info::kind;
  auto failed = killed_ || x.why.what == kind::max_intensity || x.why.what == kind::failed_to_start;
  if (x.why.what == kind::max_intensity || x.why.what == kind::failed_to_start)
    view_->observer_->ended(view_->path(), x.why.reason, true);
  if (place_) {
    auto what = x.why.what == kind::failed_to_start ? child_report::kind::start_failed
                                                    : child_report::kind::ended;
    report_up(what, {failed ? exit_kind::abnormal : exit_kind::shutdown, x.why.reason});
  } else if (callbacks_.ended) {
    callbacks_.ended(x.why);
  }
  quit(caf::make_error(caf::exit_reason::user_shutdown));
}

void supervisor_actor::perform(const effect::command_done& x) {
  auto i = commands_.find(x.command);
  if (i == commands_.end())
    return;
  auto [promise, child] = std::move(i->second);
  commands_.erase(i);
  end_when_stopped(child);
  if (removals_.erase(x.command) > 0 && x.failure.code == errc::none)
    step(
      [&, ref = child](auto& core, auto& out) { static_cast<void>(core.delete_child(ref, out)); });
  if (x.failure.code != errc::none) {
    promise.deliver(to_caf(x.failure));
    return;
  }
  caf::strong_actor_ptr actor;
  {
    std::lock_guard guard{view_->mutex_};
    if (view_->core_.view(child))
      actor = view_->at(child).actor;
  }
  promise.deliver(actor);
}

void supervisor_actor::perform(const effect::report& x) {
  using kind = effect::report::kind;
  std::unique_lock guard{view_->mutex_};
  auto view = view_->core_.view(x.child);
  auto path = view ? view_->path_of(view->id) : view_->path_;
  switch (x.what) {
    case kind::restarted: {
      auto& slot = view_->at(x.child);
      restart_record record;
      record.path = path;
      record.type = slot.start.recipe ? slot.start.recipe->type() : "supervisor";
      record.reason = x.reason;
      record.delay = x.delay;
      record.at = system_clock().now();
      record.incarnation = view ? view->incarnation : 0;
      record.by_hand = by_hand_;
      if (cause_ != nullptr && cause_->child == x.child) {
        record.at = cause_->at;
        if (auto& crash = cause_->crash) {
          record.message_type = crash->message_type;
          record.trace_id = crash->trace_id;
          record.stack = crash->stack;
        }
      }
      view_->history_.push_back(record);
      if (view_->history_.size() > branch::history_max)
        view_->history_.pop_front();
      guard.unlock();
      view_->observer_->restarted(record);
      break;
    }
    case kind::not_restarted:
      guard.unlock();
      view_->observer_->ended(path, x.reason, false);
      break;
    case kind::gave_up:
      // Told with supervisor_ended, once everything below is stopped.
      break;
    case kind::stop_timeout:
      guard.unlock();
      view_->observer_->stop_overdue(path, false);
      break;
    case kind::start_failed:
      break;
  }
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
