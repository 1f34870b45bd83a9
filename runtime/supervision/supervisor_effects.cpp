#include "runtime/base/clock.hpp"
#include "runtime/supervision/first_turn.hpp"
#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/supervision/supervisor_actor.hpp"
#include "runtime/supervision/urgent.hpp"

#include <caf/actor_cast.hpp>
#include <caf/disposable.hpp>

// What the supervisor does when its core says so. Others look at the slots, but nobody else changes them: the lock is
// needed for changes only.
namespace coppice::supervision {

// How long a killed child may take to react before it is left behind: its handler does not return.
static constexpr auto kill_grace = std::chrono::seconds{1};

void supervisor_actor::perform(const effect::start_child& x) {
  auto view = view_->core_.view(x.child);
  if (!view)
    return;
  auto& slot = view_->at(x.child);
  if (slot.start.supervisor)
    return start_supervisor(x.child, slot, *view);
  if (slot.actor && slot.waits())
    return tell(slot.actor, cell_command::kind::restart,
                slot.trouble->last ? slot.trouble->last->reason : std::string{});
  start_worker(x.child, slot, *view);
}

void supervisor_actor::start_worker(child_ref child, branch::slot& slot, const child_view& view) {
  child_report first;
  auto place = slot.place;
  if (!place)
    place = std::make_shared<seat>(view_->owner_, std::string{view.id}, child, *view.spec);
  auto spawn = [&](caf::execution_unit& host) {
    auto actor = slot.start.recipe->spawn(host, place, view.spec->isolation);
    std::lock_guard guard{view_->mutex_};
    slot.place = place;
    slot.actor = std::move(actor);
    slot.settle();
  };
  try {
    if (view.spec->isolation != isolation::shared)
      return spawn(*context());
    first_turn turn{*context()};
    spawn(turn);
    comes_up_here = {place.get(), &first};
    turn.run();
    if (std::exchange(comes_up_here, {}).report == nullptr)
      on_report(first);
  } catch (const std::exception& e) {
    if (!slot.place) {
      std::lock_guard guard{view_->mutex_};
      slot.place = std::move(place);
    }
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
  auto sub = std::make_shared<supervision::branch>(std::move(path), slot.start.supervisor,
                                                   view_->observer_, view_->seeds_.next());
  auto place = std::make_shared<seat>(view_->owner_, std::string{view.id}, child, *view.spec);
  auto actor = detail::launch<supervisor_actor>(*context(), isolation::shared, false, sub,
                                                std::move(place), root_callbacks{});
  monitor(actor);
  {
    std::lock_guard guard{view_->mutex_};
    slot.sub = std::move(sub);
    slot.actor = actor;
    slot.settle();
  }
  command(actor, supervisor_command::kind::start, {});
}

void supervisor_actor::perform(const effect::stop_child& x) {
  auto& slot = view_->at(x.child);
  if (slot.sub)
    command(slot.actor, supervisor_command::kind::shutdown, "its supervisor stops it");
  else
    send_urgent(slot.actor, cell_command{cell_command::kind::stop, {}, x.for_good}, context());
}

void supervisor_actor::perform(const effect::kill_child& x) {
  auto& slot = view_->at(x.child);
  if (slot.sub)
    command(slot.actor, supervisor_command::kind::kill, "killed");
  else
    tell(slot.actor, cell_command::kind::kill, "killed");
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
    slot.settle();
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
  auto& slot = view_->at(x.child);
  if (!slot.actor)
    return;
  caf::strong_actor_ptr actor;
  {
    std::lock_guard guard{view_->mutex_};
    actor = std::move(slot.actor);
    slot.actor = nullptr;
    slot.settle();
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
  for (auto& waiting : commands_)
    if (auto open = close(waiting.number))
      open->promise.deliver(
        to_caf({errc::actor_stopped, "the supervisor ended: " + x.why.reason, view_->path(), {}}));
  using kind = end_info::kind;
  auto failed = killed_ || x.why.what == kind::max_intensity || x.why.what == kind::failed_to_start;
  if (x.why.what == kind::max_intensity || x.why.what == kind::failed_to_start)
    view_->observer_->ended({view_->path(), {}}, x.why.reason, true);
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
  auto done = close(x.command);
  if (!done)
    return;
  end_when_stopped(done->child);
  if (done->removes && !x.failure)
    step([&](auto& core, auto& out) { static_cast<void>(core.delete_child(done->child, out)); });
  if (x.failure)
    done->promise.deliver(to_caf(*x.failure));
  else
    done->promise.deliver(view_->core_.holds(done->child) ? view_->at(done->child).actor
                                                          : caf::strong_actor_ptr{});
}

void supervisor_actor::perform(const effect::report& x) {
  using kind = effect::report::kind;
  auto view = view_->core_.view(x.child);
  place_name where{view_->path_, {}};
  if (view)
    where.id = view->id;
  else if (auto& left = view_->at(x.child); left.place || left.start.spec)
    where.id = left.place ? left.place->id() : left.start.spec->id;
  switch (x.what) {
    case kind::restarted: {
      auto& slot = view_->at(x.child);
      restart_record record;
      record.path = where.path();
      record.type = slot.start.recipe ? slot.start.recipe->type() : "supervisor";
      record.reason = x.reason;
      record.delay = x.delay;
      record.at = system_clock().now();
      record.incarnation = view ? view->incarnation + 1 : 0;
      record.by_hand = by_hand_;
      if (cause_ != nullptr && cause_->child == x.child) {
        record.at = cause_->at;
        if (auto& crash = cause_->crash) {
          record.message_type = crash->message_type;
          record.trace_id = crash->trace_id;
          record.stack = crash->stack;
        }
      }
      {
        std::lock_guard guard{view_->mutex_};
        view_->history_.push_back(record);
        if (view_->history_.size() > branch::history_max)
          view_->history_.erase(view_->history_.begin());
      }
      view_->observer_->restarted(record);
      break;
    }
    case kind::not_restarted:
      // Of a killed supervisor all ends were told together.
      if (!killed_)
        view_->observer_->ended(where, x.reason, false);
      break;
    case kind::gave_up:
      // Told with supervisor_ended, once everything below is stopped.
      break;
    case kind::stop_timeout:
      view_->observer_->stop_overdue(where.path(), false);
      break;
    case kind::start_failed:
      break;
  }
}

} // namespace coppice::supervision
