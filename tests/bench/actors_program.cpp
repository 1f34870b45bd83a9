#include "tests/bench/actors_measurements.hpp"

int main(int argc, char** argv) {
  using namespace coppice::bench;
  return run_program(argc, argv, {{"pingpong", pingpong}, {"fan_in", fan_in}});
}
