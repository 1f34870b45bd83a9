// The program `coppice`: the runtime with every system of this repository.

#include "actors/edge/edge.hpp"
#include "runtime/program/program.hpp"

namespace {

// What every node of `up`'s development cluster does; config/dev.yaml shows the same as a whole file.
constexpr const char* development = R"(node:
  roles: [edge]
events:
  streams:
    - {name: EDGE, subjects: [edge.>], max_age: 1d, max_bytes: 256MiB}
    - {name: COPPICE, subjects: [coppice.>], max_age: 1d, max_bytes: 64MiB}
    - {name: COPPICE_DEAD, subjects: [dead.>], max_age: 7d, max_bytes: 256MiB}
alerts:
  rules:
    - {name: cpu-busy, series: cpu.busy, above: 0.9, clear: 0.8, for: 10s, severity: warning}
    - {name: disk-full, series: disk./.used_ratio, above: 0.9, clear: 0.85, for: 10s, severity: critical}
user:
  - id: edge
    supervisor: {strategy: one_for_one, intensity: 5, period: 10s}
    children:
      - id: host
        type: edge.host_poller
        args: {interval: 1s}
      - id: alerts
        type: edge.alerts
      - id: journal
        type: edge.journal
        args: {durable: journal}
)";

} // namespace

int main(int argc, char** argv) {
  return coppice::run(
    argc, argv, {{coppice::edge::add_to, coppice::edge::add_messages}},
    {.name = "coppice",
     .development_config = development,
     .try_first = {"tree", "sub 'edge.>'", "chaos crash alpha:/user/edge/host", "top"}});
}
