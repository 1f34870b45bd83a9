#pragma once

#include <caf/fwd.hpp>
#include <prometheus/metric_family.h>

#include <vector>

namespace coppice::telemetry::metrics {

/// CAF's metrics under Prometheus' names: `caf.system.running-actors` ->
/// `caf_system_running_actors`, units appended, sums ending in `_total`.
std::vector<prometheus::MetricFamily> collect_caf(const caf::actor_system& system);

} // namespace coppice::telemetry::metrics
