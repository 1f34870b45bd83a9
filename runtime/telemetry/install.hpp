#pragma once

#include <caf/fwd.hpp>

namespace coppice::telemetry {

/// Makes an actor system of these settings carry traces, count what actors send and know their
/// requests, and makes log lines name the path and trace of what runs. Call before the actor system
/// starts; idempotent. What is installed lives as long as the process.
void install(caf::actor_system_config& settings);

} // namespace coppice::telemetry
