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
#include <memory>
#include <vector>

namespace coppice::supervision {

/// The part of a supervised actor that does not depend on its type: the message loop with its one catch point, the
/// mailbox bound, restarts. `supervised<Base>` (supervised.hpp) joins it with a CAF actor class.
///
/// All user code of an event-based actor runs inside `consume`, so one try block around it sees exceptions from
/// behaviors, response handlers, timers and special handlers alike. After an end the actor waits: user messages are set
/// aside in constant time until the supervisor says restart or end. A restart happens in place; or, for classes that
/// keep members of their own, by a new actor that takes over the mailbox behind a relay (relay.hpp).
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
    if (in < seat_->ceiling.load(std::memory_order_relaxed)) [[likely]]
      return true;
    return seat_->make_room(in);
  }

  /// Has arrived() to hear of it? Plain messages are only looked at while somebody watches.
  static bool is_noted(const caf::mailbox_element& x) noexcept {
    constexpr auto call = caf::message_id::request_id_mask | caf::message_id::response_flag_mask;
    return (x.mid.integer_value() & call) != 0 || telemetry::probed();
  }

  /// Keeps the list of open requests; called before the message is in the mailbox. `me`: of this actor; `known_as`: the
  /// id of the handle that others have, which is its relay's when there is one.
  void arrived(caf::mailbox_element& x, const caf::actor_control_block& me, caf::actor_id known_as);

  /// Answers a request or hands the message to the dead letters.
  void refuse(caf::mailbox_element& x);

  caf::resumable::resume_result run(caf::execution_unit* ctx, size_t max_throughput);

  /// Remembers ties that this incarnation makes, so that a restart can undo them.
  void linked(const caf::actor_addr& other);
  void unlinked(const caf::actor_addr& other);
  void monitors(const caf::actor_addr& whom);
  void monitors(const caf::node_id& whom);

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

  // Only of a class whose actors are replaced.
  virtual bool is_replaced() const { return false; }
  /// Its relay; null when nobody knows it any more.
  virtual caf::strong_actor_ptr face() const { return nullptr; }
  /// A new actor that does nothing until it gets a message. May throw.
  virtual caf::strong_actor_ptr spawn_next(const caf::strong_actor_ptr& /*face*/) {
    return nullptr;
  }
  /// From now on this actor is not the one in its place; called while nobody can reach it through its relay.
  virtual void step_aside() {}
  /// Has come to its end for good.
  virtual void gone(const caf::error& /*reason*/) {}

  static bool is_counted(const caf::mailbox_element& x) noexcept;

  /// Is it meant for one incarnation alone (answers, timers, what it monitors)? `me`: its actor id.
  static bool is_private(const caf::mailbox_element& x, caf::actor_id me) noexcept;

  void count_late() noexcept;

private:
  enum class phase : uint8_t { fresh, running, suspended, waiting, replacing, done };
  struct access;
  struct poison;
  struct ties;
  class observation;

  struct timer {
    caf::actor_clock::time_point when;
    caf::action what;
  };

  caf::invoke_message_result consume(caf::mailbox_element& x);
  caf::invoke_message_result consume_observed(caf::mailbox_element& x);
  void describe_work(description& to);

  void first_start();
  void restart(const std::string& reason);
  void replace();
  void hand_over(cell& heir, std::vector<caf::mailbox_element_ptr>& late);
  void discard_if_told();
  void started();
  void start_failed();
  void stop(bool for_good);
  void drill(const std::string& reason);
  bool is_up() const { return phase_ == phase::running || phase_ == phase::suspended; }
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
  void has_quit(bool came_up = false);
  bool quits();
  void wait_with(exit_info exit);
  void drop_work();
  void wipe();

  bool hear(const caf::mailbox_element& x);
  void put_back(const caf::mailbox_element& x);
  ties& own_ties();
  void cut_ties();
  bool is_stale_exit(const caf::mailbox_element& x) const;
  std::vector<caf::actor_addr> links() const;
  std::vector<caf::actor_addr> monitored() const;

  void park();
  void unpark();
  bool has_waiting();
  void drain(const error& reason);
  void finish();
  void report(child_report::kind what, exit_info exit, const caf::mailbox_element* x,
              const raw_stack& stack, std::string trace_id = {}, bool came_up = false);

  seat_ptr seat_;
  caf::scheduled_actor* me_ = nullptr; ///< While it runs; what self() gives, without the call.
  std::vector<timer> timers_;
  std::unique_ptr<ties> ties_; ///< Null while it has none.
  std::unique_ptr<poison> poison_;
  std::string end_reason_;
  phase phase_ = phase::fresh;
  exit_kind end_kind_ = exit_kind::shutdown;
  bool leaving_ = false; ///< Nobody restarts it: it ends as soon as it is out of its queues.
};

/// The supervised actor that runs on this thread right now; null outside of one.
const seat* current_seat() noexcept;

/// The place in the tree that an actor of this node has, under any of its handles; null for others.
const seat* seat_of(const caf::abstract_actor* x) noexcept;

} // namespace coppice::supervision
