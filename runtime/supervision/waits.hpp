#pragma once

#include "runtime/supervision/branch.hpp"
#include "runtime/telemetry/wait_registry.hpp"

#include <memory>
#include <vector>

namespace coppice::supervision {

/// Who waits for whose answer under `root` and elsewhere in this process: the open requests of all
/// supervised actors, oldest first. `to` is the receiver's path in the tree, a name given by
/// wait_registry::receiver_named (another node's `beta:/user/x`), or empty when only CAF knows it.
/// Costs nothing before it is called; then a walk over the tree until every receiver is found.
std::vector<telemetry::wait_edge> waits(const std::shared_ptr<branch>& root);

/// The same for requests that are known already, as in `description::waits`.
std::vector<telemetry::wait_edge> resolve_waits(const std::shared_ptr<branch>& root,
                                                std::vector<telemetry::open_wait> open);

} // namespace coppice::supervision
