#include "runtime/admin/node_fixture.test.hpp"

#include <map>
#include <sstream>

using namespace coppice;
using namespace coppice::admin::test;

// Prometheus refuses the whole answer when a family comes twice.
TEST_CASE("admin: each family of metrics is there once", "[node]") {
  running_node x;
  std::map<std::string, int> families;
  std::istringstream lines{x.call("GET", "/metrics").body};
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("# TYPE "))
      continue;
    std::istringstream words{line.substr(7)};
    std::string name;
    words >> name;
    INFO(name);
    CHECK(++families[name] == 1);
  }
  CHECK(families.contains("coppice_actor_restarts_total"));
  CHECK(families.contains("coppice_node_ready"));
}
