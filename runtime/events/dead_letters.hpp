#pragma once

#include "runtime/events/cloud_event.hpp"
#include "runtime/events/fwd.hpp"
#include "runtime/events/nats_types.hpp"
#include "runtime/store/dead_letter_store.hpp"

namespace coppice::events {

/// The stream of dead letters: `COPPICE_DEAD`, subjects `dead.>`, kept by limits (30 days, 256
/// MiB).
stream_config dead_letter_stream();

/// `dead.<origin>`.
std::string dead_letter_subject(const store::dead_letter& x);

/// What an actor's dead letter carries of the event behind it.
header_list cause_headers(const std::string& causationid, const std::string& correlationid);

/// A dead letter as an event of type `coppice.dead_letter`; its id is the letter's. It follows from the event that it holds,
/// or that is behind it: `causationid`, `correlationid`.
event to_event(const store::dead_letter& x, const std::string& node);

/// Reads such an event back. Errors: errc::unknown_type, errc::missing_field, errc::wrong_type.
result<store::dead_letter> dead_letter_from_event(const event& x);

/// Keeps letters in this node's store and sends them to the stream through the outbox.
/// Threading: thread-safe, never blocks. The outbox may be absent (before it is open, or without
/// NATS).
class dead_letter_sink {
public:
  dead_letter_sink(std::shared_ptr<store::dead_letter_store> store, std::shared_ptr<outbox> out,
                   std::string node);

  /// Stored or counted.
  void add(store::dead_letter letter);

  /// `done` once it is durable in the store; then it is also on its way to the stream. Errors:
  /// errc::rate_limited (storm: come again later), errc::storage.
  void add(store::dead_letter letter, std::function<void(result<void>)> done);

  const std::shared_ptr<store::dead_letter_store>& store() const { return store_; }

private:
  std::shared_ptr<store::dead_letter_store> store_;
  std::shared_ptr<outbox> out_;
  std::string node_;
};

} // namespace coppice::events
