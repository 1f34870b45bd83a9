#pragma once

#include <prometheus/metric_family.h>

#include <vector>

namespace coppice::telemetry::metrics {

/// The process as Prometheus' client libraries show it: CPU time, memory, open files, threads,
/// start. From /proc; what cannot be read is left out.
std::vector<prometheus::MetricFamily> collect_process();

} // namespace coppice::telemetry::metrics
