#pragma once

#include "actors/edge/core/host_core.hpp"
#include "actors/edge/core/schedule.hpp"
#include "actors/edge/edge.hpp"
#include "actors/edge/host/host_reader.hpp"
#include "actors/edge/publishing.hpp"

#include <caf/event_based_actor.hpp>

namespace coppice::edge {

/// Reads the machine on a fixed grid and publishes `edge.host.sample` on `edge.NODE.host.sample`.
struct host_poller {
  host_poller(caf::event_based_actor* self, host_poller_args args);

  caf::behavior make_behavior();
  std::string describe() const;

private:
  void wait_for_tick();
  void tick();
  poller_status status() const;

  caf::event_based_actor* self_;
  node& owner_;
  host_poller_args args_;
  std::unique_ptr<host_reader> reader_;
  host_core core_;
  interval_schedule schedule_;
  host_sample newest_;
  poller_status figures_;
  std::shared_ptr<publish_counter> counter_ = std::make_shared<publish_counter>();
  caf::disposable timer_;
};

} // namespace coppice::edge
