#include "tests/bench/events_rows.hpp"

namespace coppice::bench {

namespace {

/// `sync`: nats-server's sync_interval, `2m` by default.
row beside_nats(std::string name, const std::string& measurement, const std::string& baseline,
                const std::string& sync, uint64_t count, std::optional<double> at_least = {}) {
  auto n = std::to_string(count);
  return {std::move(name),
          {{"bench_events", measurement, sync, n, "256"}},
          {{"plain nats.c", {{"nats_jetstream", baseline, sync, n, "256"}}}},
          {{"", "events/s", better::bigger, at_least}}};
}

} // namespace

std::vector<row> events_rows(bool long_run) {
  auto sized = [&](uint64_t quick) { return long_run ? quick * 10 : quick; };
  return {
    beside_nats("publish", "publish", "publish", "2m", sized(60'000), 0.9),
    beside_nats("consume", "consume", "consume", "2m", sized(60'000), 0.8),
    // Every write of the server on disk before it answers.
    beside_nats("publish_synced", "publish", "publish", "always", sized(500)),
    beside_nats("consume_synced", "consume", "consume", "always", sized(500)),
    // What it costs that an event is in the outbox first: beside the row `publish`.
    beside_nats("publish_outbox", "outbox", "publish", "2m", sized(20'000)),
  };
}

} // namespace coppice::bench
