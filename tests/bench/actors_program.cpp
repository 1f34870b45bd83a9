#include "tests/bench/actors_measurements.hpp"

int main(int argc, char** argv) {
  using namespace coppice::bench;
  return run_program(argc, argv,
                     {{"pingpong", pingpong},
                      {"fan_in", fan_in},
                      {"skynet", skynet},
                      {"spawn_stop", spawn_stop},
                      {"restart_in_place", restart_in_place},
                      {"memory_idle", memory_idle}});
}
