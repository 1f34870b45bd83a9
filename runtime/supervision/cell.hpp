#pragma once

#include "runtime/supervision/control.hpp"
#include "runtime/supervision/seat.hpp"
#include "runtime/telemetry/running.hpp"

#include <caf/action.hpp>
#include <caf/actor_addr.hpp>
#include <caf/actor_clock.hpp>
#include <caf/behavior.hpp>
#include <caf/invoke_message_result.hpp>
#include <caf/resumable.hpp>
#include <caf/scheduled_actor.hpp>

#include <exception>
#include <set>
#include <vector>

namespace coppice::supervision {

/// The part of a supervised actor that does not depend on its type: the message loop with its one catch point, the
/// mailbox bound, in-place restarts. `supervised<Base>` (supervised.hpp) joins it with a CAF actor class.
///
/// All user code of an event-based actor runs inside `consume`, so one try block around it sees exceptions from
/// behaviors, response handlers, timers and special handlers alike. After an end the actor waits: user messages are set
/// aside in constant time until the supervisor says restart or end.
/// Threading: `admit` and `refuse` are called by any sender; everything else by the thread that runs the actor.
/// Bounds: spec.mailbox.limit user messages; system messages, answers and supervision messages are not counted.
class cell {
public:
  explicit cell(seat_ptr place);
  virtual ~cell();

  const seat_ptr& place() const { return seat_; }

  /// Counts a message on its way in; false: the mailbox is full.
  bool admit(const caf::mailbox_element& x) noexcept {
    if (!is_counted(x))
      return true;
    auto in = seat_->pushed.fetch_add(1, std::memory_order_relaxed);
    if (in - seat_->taken.load(std::memory_order_relaxed)
        < seat_->limit.load(std::memory_order_relaxed)) [[likely]]
      return true;
    seat_->pushed.fetch_sub(1, std::memory_order_relaxed);
    return false;
  }

  /// Has arrived() to hear of it? Plain messages are only looked at while somebody watches.
  static bool is_noted(const caf::mailbox_element& x) noexcept {
    constexpr auto call = caf::message_id::request_id_mask | caf::message_id::response_flag_mask;
    return (x.mid.integer_value() & call) != 0 || telemetry::probed();
  }

  /// Keeps the list of open requests; called before the message is in the mailbox. `me`: of this actor.
  void arrived(caf::mailbox_element& x, const caf::actor_control_block& me);

  /// Answers a request or hands the message to the dead letters.
  void refuse(caf::mailbox_element& x);

  caf::resumable::resume_result run(caf::execution_unit* ctx, size_t max_throughput);

  void linked(caf::abstract_actor* other);

  /// False: only a new actor can take the place (a class without `reset()`).
  bool in_place() const { return restarts_in_place(); }

  /// Remembers a timer, so that a restart can cancel it, and lets it carry the current trace.
  caf::action scheduled(caf::actor_clock::time_point when, caf::action what);

protected:
  // What supervised<Base> knows.
  virtual caf::scheduled_actor& self() = 0;
  virtual void destroy_state() = 0;
  virtual void create_state() = 0;            ///< May throw.
  virtual caf::behavior build_behavior() = 0; ///< May throw.
  virtual void call_before_restart(const std::string& reason) = 0;
  virtual void call_before_stop() = 0;
  virtual std::string call_describe() = 0;
  virtual bool restarts_in_place() const = 0;

private:
  enum class phase : uint8_t { fresh, running, suspended, waiting, done };
  struct poison;
  struct access;
  class observation;

  struct timer {
    caf::actor_clock::time_point when;
    caf::action what;
  };

  static bool is_counted(const caf::mailbox_element& x) noexcept;

  caf::invoke_message_result consume(caf::mailbox_element& x);
  caf::invoke_message_result consume_observed(caf::mailbox_element& x);
  void describe_work(description& to);
  void count_late() noexcept;

  void first_start();
  void restart(const std::string& reason);
  void serve(caf::mailbox_element& x);
  caf::intrusive::task_result one(caf::mailbox_element& x, size_t& consumed, size_t max);
  caf::intrusive::task_result urgent(caf::mailbox_element& x, size_t& consumed, size_t max);
  void obey(const cell_command& command);
  void describe(caf::mailbox_element& x);
  void crashed(caf::mailbox_element* x, std::exception_ptr what);
  bool keep_for_retry(caf::mailbox_element& x);
  void dispose_of(caf::mailbox_element& x, const std::string& reason, const raw_stack& stack,
                  std::string trace_id);
  void check_end();
  void wait_with(exit_info exit, const caf::mailbox_element* x, raw_stack stack);
  void wipe();
  void park();
  void unpark();
  void drain(const error& reason);
  void finish();
  void report(child_report::kind what, exit_info exit, const caf::mailbox_element* x,
              raw_stack stack, std::string trace_id = {});

  seat_ptr seat_;
  std::set<caf::actor_addr> links_;
  std::vector<timer> timers_;
  std::unique_ptr<poison> poison_;
  std::string end_reason_;
  phase phase_ = phase::fresh;
  bool ending_abnormally_ = false;
};

/// The supervised actor that runs on this thread right now; null outside of one.
const seat* current_seat() noexcept;

} // namespace coppice::supervision
