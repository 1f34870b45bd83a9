#pragma once

#include "runtime/supervision/seat.hpp"

#include <caf/detail/shared_spinlock.hpp>
#include <caf/monitorable_actor.hpp>

#include <mutex>

namespace coppice::supervision {

/// The handle of a child whose class keeps members over `make_behavior()`, so that each restart makes a new CAF actor.
/// Messages go to the actor that has the place now; monitors and links to the relay hear of the end once, when the child
/// ends for good. It has no mailbox and no thread: `enqueue` forwards, and answers come from the actor itself.
/// Ordering: between two actors as without it, also over a replacement; what waited comes before what arrives.
/// Handles that an earlier actor gave away lead here, too, while it can be reached; functors attached to it are called
/// when it is replaced, so a handle that another node has of such an actor (not of the relay) ends then.
/// Threading: thread-safe.
class relay final : public caf::monitorable_actor {
public:
  relay(caf::actor_config& cfg, seat_ptr place);

  static caf::strong_actor_ptr make(caf::actor_system& system, seat_ptr place);

  /// @pre x is the handle of a relay
  static relay& of(const caf::strong_actor_ptr& x);

  const seat_ptr& place() const { return seat_; }

  using abstract_actor::enqueue;

  bool enqueue(caf::mailbox_element_ptr x, caf::execution_unit* ctx) override;
  std::set<std::string> message_types() const override;
  const char* name() const override { return "coppice.relay"; }
  void on_destroy() override;

  /// CAF calls this for every new actor; there is nothing to measure here.
  void setup_metrics() {}

  /// From now on messages go to `next`; meanwhile, while none is on its way, `hand_over` moves those that wait.
  template <class F>
  void lead_to(caf::strong_actor_ptr next, F hand_over) {
    std::unique_lock guard{lock_};
    hand_over();
    to_.swap(next);
  }

  /// Takes over those who monitor the actor that is replaced, or are linked to it.
  void adopt(caf::monitorable_actor& from);

  /// The child is gone for good.
  void end(const caf::error& reason, caf::execution_unit* ctx);

private:
  seat_ptr seat_;
  mutable caf::detail::shared_spinlock lock_;
  caf::strong_actor_ptr to_;
};

} // namespace coppice::supervision
