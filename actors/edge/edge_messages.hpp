#pragma once

#include "actors/edge/edge_types.hpp"
#include "runtime/base/type_id_ranges.hpp"
#include "runtime/json/fwd.hpp"
#include "runtime/json/messages.hpp"

namespace coppice::edge {

/// Adds the block `edge`.
void add_messages(json::type_registry& types);

} // namespace coppice::edge

// Ids follow one another: append only.
COPPICE_MESSAGES(
  edge, coppice::type_ids::edge, //
  (coppice::edge::set_interval, "edge.set_interval"),
  (coppice::edge::get_status, "edge.get_status"), (coppice::edge::poller_status, "edge.status"),
  (coppice::edge::host_sample, "edge.sample"), (coppice::edge::http_reading, "edge.http_reading"),
  (coppice::edge::get_sample, "edge.get_sample"), (coppice::edge::alert_event, "edge.alert"),
  (coppice::edge::alerts_status, "edge.alerts_status"),
  (coppice::edge::set_rules, "edge.set_rules"),
  (coppice::edge::alerts_snapshot, "edge.alerts_snapshot"),
  (coppice::edge::journal_status, "edge.journal_status"),
  (coppice::edge::find_event, "edge.find_event"), (coppice::edge::event_known, "edge.event_known"))
