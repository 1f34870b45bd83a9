#pragma once

#include "runtime/base/prng.hpp"
#include "runtime/supervision/core/child_spec.hpp"

#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

namespace coppice::supervision {

using child_spec_ptr = std::shared_ptr<const child_spec>;

/// Names one child of one supervisor. A slot is used again with another generation, so a late report about a child
/// that is gone is recognised and ignored.
struct child_ref {
  uint32_t slot = 0;
  uint32_t generation = 0;

  bool operator==(const child_ref&) const = default;
};

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
    requested,       ///< Its parent or an operator stopped it.
    auto_shutdown,   ///< A significant child ended.
    max_intensity,   ///< Too many restarts: it gives up. The parent sees an abnormal end.
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

/// Ask the child to end (exit reason `shutdown`). Answered by `ended`.
struct stop_child {
  child_ref child;
};

/// End the child at once. Answered by `ended`.
struct kill_child {
  child_ref child;
};

/// A child that crashed and waits for a decision is not started again: let it go for good, so that monitors hear of it.
/// Not answered.
struct discard_child {
  child_ref child;
};

/// The child and its spec are gone from the supervisor. Not answered.
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
  error failure; ///< errc::none: it worked.
};

/// Something for history, log and events.
struct report {
  enum class kind : uint8_t {
    restarted,    ///< A restart has been decided; `delay` is its backoff.
    not_restarted, ///< The child ended and stays down (transient/temporary, or the supervisor ends).
    gave_up,      ///< The supervisor reached its intensity.
    stop_timeout, ///< The child did not stop in time and is killed.
    start_failed,
  };

  kind what = kind::restarted;
  child_ref child;
  std::string reason;
  duration delay{0};
};

} // namespace effect

using supervisor_effect
  = std::variant<effect::start_child, effect::stop_child, effect::kill_child, effect::discard_child,
                 effect::child_removed, effect::arm_timer, effect::cancel_timer, effect::supervisor_started,
                 effect::supervisor_ended, effect::command_done, effect::report>;

/// What is known of one child, for `tree` and `inspect`.
struct child_view {
  child_ref child;
  std::string_view id;
  const child_spec* spec = nullptr;
  child_state state = child_state::starting;
  uint32_t restarts = 0;    ///< Since the supervisor started; restarts by hand and delayed ones included.
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
  static result<void> check(const supervisor_flags& flags, const std::vector<child_spec_ptr>& children);

  /// @pre check(flags, children). Under simple_one_for_one `children` holds just the template.
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

  /// Adds a child at the end and starts it. `id` overrides the spec's; required under simple_one_for_one, where
  /// `spec` is null and the template is used.
  /// Errors: already_exists, invalid_config, actor_stopped (the supervisor is ending).
  result<child_ref> add_child(child_spec_ptr spec, std::string id, uint64_t command, duration now, effects& out);

  /// Stops the child and keeps its spec (state stopped); a temporary or simple_one_for_one child is removed.
  /// Errors: not_found, actor_stopped.
  result<void> terminate_child(child_ref child, uint64_t command, duration now, effects& out);

  /// Removes a child that is not running. Errors: not_found, refused (it runs or is being restarted).
  result<void> delete_child(child_ref child, effects& out);

  /// Stops the child first when it runs, then starts it; counts neither towards intensity nor backoff.
  /// Errors: not_found, refused (it is already stopping), actor_stopped.
  result<void> restart_child(child_ref child, uint64_t command, duration now, effects& out);

  /// For state only: the shell suspends and resumes. Errors: not_found, refused (not running / not suspended).
  result<void> set_suspended(child_ref child, bool suspended);

  /// Replaces limits of a running child (everything but id, kind and isolation). Errors: not_found, invalid_config.
  result<void> update_spec(child_ref child, child_spec_ptr spec);

  /// Replaces strategy limits; restarts already counted stay counted. Errors: invalid_config.
  result<void> update_flags(supervisor_flags flags);

  // -- views ----------------------------------------------------------------------------------------------------------

  const supervisor_flags& flags() const { return flags_; }
  child_state state() const; ///< starting, running, stopping or failed.

  /// How many restarts count at `now`, of flags().intensity.
  uint32_t restarts_in_window(duration now) const;

  std::optional<child_ref> find(std::string_view id) const;
  std::optional<child_view> view(child_ref child) const;

  /// In start order.
  std::vector<child_view> children() const;
  size_t size() const;

  // ... private state is the implementer's ...
private:
  supervisor_flags flags_;
};

} // namespace coppice::supervision
