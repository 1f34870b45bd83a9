#include "tests/bench/events_measurements.hpp"

int main(int argc, char** argv) {
  using namespace coppice::bench;
  return run_program(argc, argv, {{"publish", publish}, {"outbox", outbox}, {"consume", consume}});
}
