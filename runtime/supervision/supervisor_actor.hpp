#pragma once

#include "runtime/base/pool.hpp"
#include "runtime/supervision/branch.hpp"
#include "runtime/supervision/timer_queue.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>

#include <functional>

namespace coppice::supervision {

/// What the owner of a root supervisor wants to know.
struct root_callbacks {
  std::function<void()> started;
  std::function<void(const end_info&)> ended;
};

/// The shell around supervisor_core: performs its effects and reports to it. Answers `supervisor_command` (a request is
/// answered with the child's handle, or an error, when the command is finished) and `child_report`.
class supervisor_actor final : public caf::event_based_actor {
public:
  /// `place` is null for a root; then `callbacks` are called.
  supervisor_actor(caf::actor_config& cfg, std::shared_ptr<supervision::branch> view,
                   seat_ptr place, root_callbacks callbacks);

  const char* name() const override { return "coppice.supervisor"; }

  const std::string& path() const { return view_->path(); }

protected:
  caf::behavior make_behavior() override;

private:
  using effects = supervisor_core::effects;

  /// A command that is answered when it is finished.
  struct open_command {
    uint64_t number = 0; ///< 0: none.
    caf::response_promise promise;
    child_ref child;
    bool removes = false; ///< The spec goes once the child is stopped.
  };

  // Handlers.
  void on_report(const child_report& x);
  caf::result<caf::strong_actor_ptr> on_command(supervisor_command& x);
  void on_down(const caf::down_msg& x);

  // Commands.
  caf::result<caf::strong_actor_ptr> add_child(supervisor_command& x);
  caf::result<caf::strong_actor_ptr> control_child(const supervisor_command& x, child_ref child);
  caf::result<caf::strong_actor_ptr> remove_child(child_ref child);
  caf::result<caf::strong_actor_ptr> tell_child(child_ref child, cell_command::kind what,
                                                const std::string& reason);
  void die_with_children(bool told);
  static size_t collect_running(const supervision::branch& from, std::vector<std::string>& out);
  uint64_t open(child_ref child, bool removes = false);
  std::optional<open_command> close(uint64_t command);
  caf::result<caf::strong_actor_ptr> later(uint64_t command, result<void> accepted);
  caf::error refusal(error reason) const;

  // Effects, in the order in which the core gives them.
  template <class F>
  void step(F input);
  void perform(const effect::start_child& x);
  void perform(const effect::stop_child& x);
  void perform(const effect::kill_child& x);
  void perform(const effect::discard_child& x);
  void perform(const effect::child_removed& x);
  void perform(const effect::arm_timer& x);
  void perform(const effect::cancel_timer& x);
  void perform(const effect::supervisor_started& x);
  void perform(const effect::supervisor_ended& x);
  void perform(const effect::command_done& x);
  void perform(const effect::report& x);
  void start_worker(child_ref child, branch::slot& slot, const child_view& view);
  void start_supervisor(child_ref child, branch::slot& slot, const child_view& view);
  void note_up(branch::slot& slot, instant at);
  void end_when_stopped(child_ref child);
  void leave_behind(child_ref child);
  duration since_epoch() const;
  duration command_time() const;
  void set_alarm(duration now);
  void report_up(child_report::kind what, exit_info exit);
  void tell(const caf::strong_actor_ptr& to, cell_command::kind what, std::string reason);
  void command(const caf::strong_actor_ptr& to, supervisor_command::kind what, std::string reason);

  std::shared_ptr<supervision::branch> view_;
  seat_ptr place_;
  root_callbacks callbacks_;
  effects todo_; ///< In the order in which they are performed.
  bool performing_ = false;
  bool by_hand_ = false;
  bool killed_ = false;
  const child_report* cause_ = nullptr; ///< The report being worked on.
  timer_queue timers_;
  caf::disposable alarm_;
  std::optional<duration> alarm_at_;
  pool<open_command> commands_; ///< By the lower half of the number.
  uint32_t last_command_ = 0;
};

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
  for (size_t i = 0; i < todo_.size();) {
    auto next = std::move(todo_[i++]);
    if (i == todo_.size() || i == 256) {
      // Many children start one after the other: what is done goes.
      todo_.erase(todo_.begin(), todo_.begin() + static_cast<std::ptrdiff_t>(i));
      i = 0;
    }
    std::visit([this](auto& x) { this->perform(x); }, next);
  }
  performing_ = false;
}

/// Starts a root supervisor; `start` it with supervisor_command::kind::start.
caf::strong_actor_ptr spawn_root(caf::actor_system& system, std::shared_ptr<branch> view,
                                 root_callbacks callbacks);

/// Sends an urgent command without waiting for an answer.
void send_command(const caf::strong_actor_ptr& supervisor, supervisor_command command);

} // namespace coppice::supervision
