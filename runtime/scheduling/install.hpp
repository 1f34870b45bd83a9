#pragma once

#include <caf/fwd.hpp>

namespace coppice::scheduling {

/// Lets the actor system run its actors under scheduling::work_stealing; `caf.scheduler.max-threads` and `max-throughput` hold as
/// for CAF's own. Call before the actor system starts, and not when a test drives the actors by hand.
void install(caf::actor_system_config& settings);

} // namespace coppice::scheduling
