#pragma once

#include "actors/edge/core/http_poll_core.hpp"
#include "actors/edge/edge.hpp"
#include "actors/edge/publishing.hpp"
#include "runtime/http/client.hpp"

#include <caf/event_based_actor.hpp>

#include <optional>

namespace coppice::edge {

/// Polls one URL and publishes `edge.http.reading` on `edge.NODE.ID.reading`. Runs on a thread of its own: the exchange
/// blocks.
struct http_poller {
  http_poller(caf::event_based_actor* self, http_poller_args args);

  caf::behavior make_behavior();
  std::string describe() const;

private:
  void wait(duration delay);
  void poll();
  poll_outcome exchange();
  poller_status status() const;

  caf::event_based_actor* self_;
  node& owner_;
  http_poll_core core_;
  http::header_list headers_;
  std::string id_;
  http_reading newest_;
  poller_status figures_;
  std::shared_ptr<publish_counter> counter_ = std::make_shared<publish_counter>();
  caf::disposable timer_;
};

} // namespace coppice::edge
