// Messages between two nodes, each a process, through a link with mutual TLS.
#include "runtime/cluster/cluster.hpp"
#include "runtime/telemetry/install.hpp"
#include "tests/bench/nats_ground.hpp"
#include "tests/bench/net_exchange.hpp"
#include "tests/bench/net_measurements.hpp"

#include <caf/io/middleman.hpp>

#include <thread>

namespace coppice::bench {

namespace {

constexpr auto link_time_max = std::chrono::seconds{20};

/// What of a node stands around a link.
struct linked_node {
  linked_node(const std::string& folder, const std::string& name, std::vector<std::string> seeds) {
    caf::core::init_global_meta_objects();
    caf::io::middleman::init_global_meta_objects();
    cluster::configure(config);
    config.set("caf.scheduler.max-threads",
               static_cast<int64_t>(std::max(2u, std::thread::hardware_concurrency())));
    telemetry::install(config);
    system = std::make_unique<caf::actor_system>(config);
    gate = system->spawn(exchange::partner);
    cluster::options x;
    x.cluster = "bench";
    x.node = name;
    x.seeds = std::move(seeds);
    x.certificates = cluster::pki::files_in(folder, name);
    x.schema_fingerprint = "same";
    x.schema_table = "{}";
    part = std::make_unique<cluster::cluster>(std::move(x));
    auto started = part->start(*system, gate);
    if (!started)
      throw measurement_failed{to_string(started.error())};
    port = *started;
  }

  ~linked_node() { part->stop(); }

  caf::actor gate_of(const std::string& name) {
    std::promise<void> up;
    auto seen = part->subscribe([&, done = false](const cluster::member_event& x) mutable {
      if (x.what == cluster::member_event::kind::up && x.who.name == name
          && !std::exchange(done, true))
        up.set_value();
    });
    auto ready = up.get_future().wait_for(link_time_max) == std::future_status::ready;
    part->unsubscribe(seen);
    auto out = part->gate_of(name);
    if (!ready || !out)
      throw measurement_failed{"no link to " + name};
    return *out;
  }

  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  caf::actor gate;
  std::unique_ptr<cluster::cluster> part;
  uint16_t port = 0;
};

void check(const result<void>& x) {
  if (!x)
    throw measurement_failed{to_string(x.error())};
}

} // namespace

reading links(const arguments& sizes) {
  nats_ground::folder where;
  check(cluster::pki::make_ca(where.path()));
  for (auto name : {"alpha", "beta"})
    check(cluster::pki::issue(where.path(), name, where.path()));
  linked_node alpha{where.path(), "alpha", {}};
  exchange::other_process other{
    {"bench_net", "links_partner", where.path(), "127.0.0.1:" + std::to_string(alpha.port)}};
  auto beta = alpha.gate_of("beta");
  auto count = number(sizes, 0);
  auto rate = exchange::measure(*alpha.system, beta, static_cast<int>(count),
                                static_cast<int>(number(sizes, 1)), number(sizes, 2));
  return {rate, count, {}, {}, {}};
}

reading links_partner(const arguments& where) {
  linked_node beta{where.at(0), "beta", {where.at(1)}};
  exchange::wait_for_end_of_input();
  std::_Exit(0);
}

} // namespace coppice::bench
