#include "tests/bench/net_measurements.hpp"

int main(int argc, char** argv) {
  using namespace coppice::bench;
  return run_program(argc, argv,
                     {{"links", links},
                      {"links_partner", links_partner},
                      {"node_ready", node_ready},
                      {"tree_query", tree_query},
                      {"version_query", version_query}});
}
