#pragma once

#include "runtime/base/pool.hpp"
#include "runtime/base/prng.hpp"
#include "runtime/supervision/core/backoff.hpp"
#include "runtime/supervision/core/child_spec.hpp"
#include "runtime/supervision/core/child_table.hpp"
#include "runtime/supervision/core/restart_window.hpp"
#include "runtime/supervision/core/start_queue.hpp"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace coppice::supervision {

using child_spec_ptr = std::shared_ptr<const child_spec>;

enum class exit_kind : uint8_t {
  normal,   ///< Ended by itself without an error.
  shutdown, ///< Ended because it was asked to, or said `shutdown` itself; no crash.
  abnormal, ///< An exception, an error, a kill.
};

struct exit_info {
  exit_kind kind = exit_kind::normal;
  std::string reason;
};

/// Why a supervisor ends.
struct end_info {
  enum class kind : uint8_t {
    requested,     ///< Its parent or an operator stopped it.
    auto_shutdown, ///< A significant child ended.
    max_intensity, ///< Too many restarts: it gives up. The parent sees an abnormal end.
    failed_to_start, ///< A child of the initial list could not be started. The parent sees an abnormal end.
  };

  kind what = kind::requested;
  std::string reason; ///< For people: which child, which error, how many restarts.
};

/// What the shell has to do, in order. `token`s name timers; they are unique within one core.
namespace effect {

/// Bring the child up: a first start, or a restart with new state (in place where the shell can).
/// Answered by `started` or `start_failed`.
struct start_child {
  child_ref child;
  bool restart = false;
};

/// Ask the child to end (exit reason `shutdown`). Answered by `ended`. A child that is still starting may be asked, too:
/// a `started` that crosses this is fine, and `start_failed` is then an answer as good as `ended`.
struct stop_child {
  child_ref child;
  bool for_good = false; ///< It is not started again when it has ended: discard_child follows.
};

/// End the child at once, after stop_child or without it. Answered like stop_child, once for both.
struct kill_child {
  child_ref child;
};

/// A child that ended (or failed to start) and waits for a decision is not started again: let it go for good, so that
/// monitors hear of it. Every `ended` and `start_failed` that the core heeds leads to one start_child, one discard_child
/// or child_removed. Not answered.
struct discard_child {
  child_ref child;
};

/// The child and its spec are gone from the supervisor; what waits there for a decision is let go. Not answered.
struct child_removed {
  child_ref child;
  std::string id;
};

struct arm_timer {
  uint64_t token = 0;
  duration delay{0};
};

struct cancel_timer {
  uint64_t token = 0;
};

/// All initial children run; tell the parent.
struct supervisor_started {};

/// No child is left: the supervisor itself ends now.
struct supervisor_ended {
  end_info why;
};

/// A command that was given a non-zero `command` number is finished.
struct command_done {
  uint64_t command = 0;
  std::shared_ptr<const error> failure; ///< Null: it worked.
};

/// Something for history, log and events.
struct report {
  enum class kind : uint8_t {
    restarted,     ///< A restart has been decided; `delay` is its backoff.
    not_restarted, ///< The child ended and stays down (transient/temporary, or the supervisor ends).
    gave_up,       ///< The supervisor reached its intensity.
    stop_timeout,  ///< The child did not stop in time and is killed.
    start_failed,
  };

  kind what = kind::restarted;
  child_ref child;
  std::string reason;
  duration delay{0};
};

} // namespace effect

using supervisor_effect =
  std::variant<effect::start_child, effect::stop_child, effect::kill_child, effect::discard_child,
               effect::child_removed, effect::arm_timer, effect::cancel_timer,
               effect::supervisor_started, effect::supervisor_ended, effect::command_done,
               effect::report>;

/// What is known of one child, for `tree` and `inspect`.
struct child_view {
  child_ref child;
  std::string_view id;
  const child_spec* spec = nullptr;
  child_state state = child_state::starting;
  uint32_t restarts =
    0; ///< Since the supervisor started; restarts by hand and delayed ones included.
  uint32_t incarnation = 0; ///< 1 after the first start; one more with each restart.
  instant started_at;       ///< Of the current incarnation.
  duration next_delay{0};   ///< In state backoff: the delay that was chosen.
};

/// Decides what happens when children start, end and are commanded. Single owner; not thread-safe; no I/O, no clock.
/// Every input takes the monotonic time and appends its effects, in the order in which the shell must perform them.
/// Ordering: children start one after the other in list order and stop one after the other in reverse order, each
/// waiting for the answer about the one before; under simple_one_for_one they start and stop at the same time.
/// Source: OTP's supervisor; child_spec.hpp marks what goes beyond it.
class supervisor_core {
public:
  using effects = std::vector<supervisor_effect>;

  /// Checks flags and specs as OTP's `check_childspecs` does: names, duplicate ids, significant with auto_shutdown
  /// never, significant and permanent, zero period with intensity, jitter outside 0..1, min over max.
  /// Errors: errc::invalid_config (at = child id), errc::already_exists for a duplicate id.
  static result<void> check(const supervisor_flags& flags,
                            const std::vector<child_spec_ptr>& children);

  /// @pre check(flags, children). Under simple_one_for_one `children` holds just the template; else their slots are
  /// 0, 1, ... in list order.
  supervisor_core(supervisor_flags flags, std::vector<child_spec_ptr> children, uint64_t seed);

  // -- life of the supervisor -----------------------------------------------------------------------------------------

  /// Starts the initial children; ends with supervisor_started, or with supervisor_ended{failed_to_start} after
  /// those already started are stopped in reverse order.
  void start(instant wall, duration now, effects& out);

  /// Stops all children in order and ends with supervisor_ended{requested}. A second call changes nothing.
  void stop(std::string reason, duration now, effects& out);

  // -- what the shell reports -----------------------------------------------------------------------------------------

  void started(child_ref child, instant wall, duration now, effects& out);
  void start_failed(child_ref child, std::string reason, duration now, effects& out);

  /// The child ended by itself, after stop_child or after kill_child. For a child that can restart in place this is
  /// said while it waits for start_child or discard_child.
  void ended(child_ref child, exit_info exit, duration now, effects& out);
  void timer_fired(uint64_t token, duration now, effects& out);

  // -- commands; errors leave everything as it was ----------------------------------------------------------------------

  /// Adds a child at the end of the start order, or in front of the child `before`, and starts it. `id` overrides the
  /// spec's; required under simple_one_for_one, where `spec` is null and the template is used. A group of children
  /// that is being stopped, or waits, takes the new child along when its place lies within the group.
  /// Errors: already_exists, invalid_config, actor_stopped (the supervisor is ending), not_found (`before`).
  result<child_ref> add_child(child_spec_ptr spec, std::string id, uint64_t command, duration now,
                              effects& out, std::optional<child_ref> before = {});

  /// Stops the child and keeps its spec (state stopped); a temporary or simple_one_for_one child is removed.
  /// Errors: not_found, actor_stopped.
  result<void> terminate_child(child_ref child, uint64_t command, duration now, effects& out);

  /// Removes a child that is not running. Errors: not_found, refused (it runs or is being restarted, or the supervisor
  /// is ending).
  result<void> delete_child(child_ref child, effects& out);

  /// Stops the child first when it runs, then starts it; counts neither towards intensity nor backoff. When the start
  /// fails the command fails; a child that was down before stays down (`failed`), one that ran is then restarted by
  /// the ordinary rules, which count. Errors: not_found, refused (it is already stopping), actor_stopped.
  result<void> restart_child(child_ref child, uint64_t command, duration now, effects& out);

  /// For state only: the shell suspends and resumes. Stays over restarts, until terminate_child. Errors: not_found, refused (not running / not suspended).
  result<void> set_suspended(child_ref child, bool suspended);

  /// Replaces limits of a running child (everything but id, kind and isolation). Errors: not_found, invalid_config.
  result<void> update_spec(child_ref child, child_spec_ptr spec);

  /// Replaces strategy and limits; restarts already counted stay counted. Errors: invalid_config (also for a change to
  /// or from simple_one_for_one, and when a child is significant but auto_shutdown becomes never).
  result<void> update_flags(supervisor_flags flags);

  // -- views ----------------------------------------------------------------------------------------------------------

  const supervisor_flags& flags() const { return flags_; }
  child_state state() const; ///< starting, running, stopping; at the end stopped or failed.

  /// How many restarts count at `now`, of flags().intensity.
  uint32_t restarts_in_window(duration now) const;

  std::optional<child_ref> find(std::string_view id) const;
  /// Does a command on a child heed the time? When not, any will do for `now`: asking a clock is dear compared with what
  /// most commands do.
  bool heeds_time() const;
  /// Likewise an answer or an end of this child.
  bool heeds_time(child_ref child) const;
  bool holds(child_ref child) const { return table_.is_live(child.slot, child.generation); }
  std::optional<child_view> view(child_ref child) const;

  /// In start order.
  std::vector<child_view> children() const;
  size_t size() const;

private:
  enum class life : uint8_t { idle, starting, running, ending, ended };

  /// One input while it is worked on.
  struct step {
    duration now;
    effects& out;
  };

  /// What goes over several children one after the other: the first start, a restart of a group, the end.
  /// All children from `first` on in start order belong to it.
  struct sequence {
    enum class kind : uint8_t { none, stopping, delaying, starting };

    kind what = kind::none;
    uint64_t first = 0;                 ///< child_record::order.
    uint32_t cursor = child_table::nil; ///< The child that is looked at.
    duration delay{0};                  ///< Between stops and starts.
    duration deadline{0};               ///< Of the delay, while delaying.
    uint64_t timer = 0;
    child_ref waiting_for; ///< The child whose backoff the delay is.
  };

  struct waiting_command {
    uint64_t number = 0;
    bool start = false; ///< Done when the child is up; else: when it is down.
  };

  /// What few children have at a time.
  struct rare_state {
    uint64_t timer = 0; ///< The stop's or the delay's.
    backoff_series series;
    std::vector<waiting_command> waiting;
  };

  // supervisor_decisions.cpp: what follows from an answer or an end.
  void on_exit(uint32_t slot, exit_info exit, step& s);
  void on_stopped(uint32_t slot, step& s);
  void on_start_failed(uint32_t slot, std::string reason, step& s);
  void decide_restart(uint32_t slot, std::string reason, bool was_running, step& s);
  void restart_group(uint32_t slot, duration delay, step& s);
  bool shuts_down_without(uint32_t slot) const;
  void begin_ending(end_info why, step& s);

  // supervisor_sequence.cpp: one thing after the other.
  void advance(step& s);
  bool stop_next(step& s);
  bool start_next(step& s);
  void start_queued(step& s);
  void after_stops(step& s);
  void begin_starts(step& s);
  void enqueue(uint32_t slot, step& s);
  void start_one(uint32_t slot, step& s);
  void begin_stop(uint32_t slot, step& s);

  // supervisor_child.cpp: one child.
  void to_down(uint32_t slot, step& s);
  void settle(uint32_t slot, step& s);
  void retire(uint32_t slot, step& s);
  void settle_or_drop(uint32_t slot, step& s);
  void drop(uint32_t slot, step& s);
  void remove_child(uint32_t slot, step& s);
  void set_wanted(uint32_t slot, bool wanted);
  void arm(uint32_t slot, duration delay, step& s);
  void cancel(uint32_t slot, step& s);
  void wait_for(uint32_t slot, uint64_t command, bool start);
  void finish_commands(uint32_t slot, bool start, const std::shared_ptr<const error>& failure,
                       step& s);
  void refuse_starts(uint32_t slot, errc code, std::string_view what, step& s);
  void make_room_before(uint32_t slot);
  result<uint32_t> admit(child_ref child, bool waits) const;
  rare_state& rare(uint32_t slot);
  rare_state* find_rare(uint32_t slot);
  const rare_state* find_rare(uint32_t slot) const;
  void drop_rare(uint32_t slot);
  void drop_rare_if_empty(uint32_t slot);
  uint64_t next_token(uint32_t slot);
  void skip_delay_of(child_ref child, step& s);

  bool is_simple() const { return flags_.strategy == strategy::simple_one_for_one; }
  bool is_over() const { return life_ == life::ending || life_ == life::ended; }
  child_ref ref(uint32_t slot) const { return {slot, table_[slot].generation}; }
  child_view view_of(uint32_t slot) const;
  child_state state_of(const child_record& rec) const;

  supervisor_flags flags_;
  child_spec_ptr template_; ///< Under simple_one_for_one.
  child_table table_;
  restart_window window_;
  start_queue queue_;     ///< Children to start once no sequence is under way.
  pool<rare_state> rare_; ///< By child_record::rare.
  sequence sequence_;
  end_info end_;
  prng random_;
  uint32_t starting_ =
    child_table::nil;  ///< The child whose start is unanswered; unused under simple_one_for_one.
  uint32_t alive_ = 0; ///< Children that are not down.
  uint32_t significant_wanted_ = 0;
  uint32_t timers_ = 0;
  life life_ = life::idle;
};

} // namespace coppice::supervision
