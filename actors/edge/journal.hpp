#pragma once

#include "actors/edge/edge.hpp"
#include "actors/edge/publishing.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/response_promise.hpp>

#include <map>

namespace coppice::edge {

/// Files events of a durable consumer in this node's event store and acknowledges them afterwards. Journals with the same
/// durable share its events: each is filed by one of them. The event id makes filing idempotent on a node; when a node
/// dies between filing and acknowledging, another one files the event too, in its own store.
struct journal {
  journal(caf::event_based_actor* self, journal_args args);

  caf::behavior make_behavior();
  std::string describe() const;

private:
  void file(const event_message& x, caf::response_promise promise);

  caf::event_based_actor* self_;
  node& owner_;
  journal_args args_;
  std::unique_ptr<event_subscription> subscription_;
  std::map<uint64_t, caf::response_promise> open_; ///< Events on their way into the store.
  uint64_t last_ = 0;
  journal_status figures_;
};

} // namespace coppice::edge
