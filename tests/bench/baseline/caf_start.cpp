// How soon a process with an empty actor system and a middleman runs its first actor, from exec.
// Usage: caf_start TIMES
#include "tests/bench/net_exchange.hpp"

#include <caf/io/all.hpp>

#include <algorithm>

int main(int argc, char** argv) {
  if (argc == 1) {
    caf::core::init_global_meta_objects();
    caf::io::middleman::init_global_meta_objects();
    caf::actor_system_config config;
    config.load<caf::io::middleman>();
    caf::actor_system system{config};
    system.spawn([] {
      std::puts("running");
      std::fflush(stdout);
    });
    exchange::wait_for_end_of_input();
    std::_Exit(0);
  }
  std::vector<double> times;
  for (int i = 0; i < std::stoi(argv[1]); ++i) {
    auto begin = std::chrono::steady_clock::now();
    exchange::other_process other{{argv[0]}};
    other.line();
    std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    times.push_back(took.count());
  }
  std::sort(times.begin(), times.end());
  std::printf("{\"value\":%.3f,\"n\":%zu}\n", times[times.size() / 2], times.size());
}
