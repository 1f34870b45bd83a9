#pragma once

#include "runtime/node/fwd.hpp"
#include "runtime/telemetry/metrics.hpp"
#include "runtime/telemetry/otlp_exporter.hpp"
#include "runtime/telemetry/watchdog.hpp"

#include <memory>
#include <vector>

namespace coppice {

/// What a node shows of itself: metrics computed at each scrape, the watchdog, and the exporter of spans when an endpoint
/// is configured.
class node_telemetry {
public:
  explicit node_telemetry(node& owner);

  const telemetry::watchdog& watchdog() const { return watchdog_; }

private:
  void add_tree_metrics(node& owner);
  void add_event_metrics(node& owner);

  telemetry::watchdog watchdog_;
  std::unique_ptr<telemetry::otlp_exporter> exporter_;
  std::vector<telemetry::metrics::registration> metrics_;
};

} // namespace coppice
