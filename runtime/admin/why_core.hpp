#pragma once

#include "runtime/telemetry/wait_registry.hpp"

#include <optional>
#include <string>
#include <vector>

namespace coppice::admin {

using telemetry::wait_edge;

/// Parts of the answer to `why` that look at edges alone. Pure. Cycles are telemetry::find_cycles.

/// The edge that waits longest; nothing when there is none.
std::optional<wait_edge> oldest_wait(const std::vector<wait_edge>& edges);

/// Edges that these have to do with: those from and to them or anything below them, and what those in turn wait for.
std::vector<wait_edge> waits_about(const std::vector<wait_edge>& edges,
                                   const std::vector<std::string>& addresses);

/// Is it one of these, or below one?
bool is_below_any(std::string_view path, const std::vector<std::string>& addresses);

} // namespace coppice::admin
