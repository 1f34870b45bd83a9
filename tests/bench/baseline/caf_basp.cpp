// Messages between two processes over BASP on TCP, as CAF ships it.
// Usage: caf_basp COUNT WINDOW BYTES
#include "tests/bench/net_exchange.hpp"

#include <caf/io/all.hpp>

int main(int argc, char** argv) {
  caf::core::init_global_meta_objects();
  caf::io::middleman::init_global_meta_objects();
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  if (argc == 2) {
    caf::actor_system system{config};
    auto port = system.middleman().publish(system.spawn(exchange::partner), 0, "127.0.0.1");
    std::printf("%d\n", port ? *port : 0);
    std::fflush(stdout);
    exchange::wait_for_end_of_input();
    std::_Exit(0);
  }
  exchange::other_process other{{argv[0], "partner"}};
  caf::actor_system system{config};
  auto port = static_cast<uint16_t>(std::stoi(other.line()));
  auto partner = system.middleman().remote_actor("127.0.0.1", port);
  if (!partner)
    return 1;
  auto count = std::stoi(argv[1]);
  auto rate = exchange::measure(system, *partner, count, std::stoi(argv[2]), std::stoul(argv[3]));
  std::printf("{\"value\":%.1f,\"n\":%d}\n", rate, count);
  std::fflush(stdout);
  std::quick_exit(0);
}
