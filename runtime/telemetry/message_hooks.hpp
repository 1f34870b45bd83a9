#pragma once

#include "runtime/telemetry/running.hpp"

#include <caf/mailbox_element.hpp>

/// What the supervised actor's loop and the profiler share about single messages.
namespace coppice::telemetry {

/// The key of a request in its asker's open_requests: request ids are unique to an actor, and actor
/// ids keep apart the actors that come one after the other in one place of the tree.
inline uint64_t request_key(const caf::actor_control_block& asker, caf::message_id mid) noexcept {
  return (mid.integer_value() & caf::message_id::request_id_mask)
         ^ (static_cast<uint64_t>(asker.aid) << open_requests::mark_shift);
}

/// Notes a request of the actor that runs on this thread. `receiver` 0: its enqueue names it a
/// moment later.
inline void note_request(const caf::mailbox_element& x, uint64_t receiver) {
  auto key = request_key(*running.actor, x.mid);
  if (running.noted_key == key) {
    if (receiver != 0 && running.noted != nullptr)
      running.noted->receiver.store(receiver, std::memory_order_release);
    return;
  }
  running.noted =
    running.who->own_requests().add(key, receiver, x.payload.types().data(), coarse_now_ns());
  running.noted_key = key;
}

/// For actors that only pass messages on, from inside their enqueue: a request of the actor that
/// runs here waits for `receiver` (see wait_registry::receiver_named).
inline void pass_request(const caf::mailbox_element& x, uint64_t receiver) {
  if (running.who != nullptr && x.mid.is_request() && x.sender.get() == running.actor)
    note_request(x, receiver);
}

/// The actor on this thread sends something while somebody watches: remembers it until the
/// receiver, when it is a supervised actor, gives its name through sent_to().
void sending(const caf::mailbox_element& x);

/// The receiver of what sending() saw last.
void sent_to(const subject& receiver);

/// What sending() saw last went to somebody who gives no name.
void flush_sending();

} // namespace coppice::telemetry
