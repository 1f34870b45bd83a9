#pragma once

#include "actors/edge/edge_messages.hpp"
#include "actors/edge/edge_types.hpp"
#include "runtime/supervision/fwd.hpp"

#include <caf/behavior.hpp>
#include <caf/fwd.hpp>

namespace coppice::edge {

/// Adds edge.host_poller, edge.http_poller, edge.alerts and edge.journal.
void add_to(catalog& types);

} // namespace coppice::edge
