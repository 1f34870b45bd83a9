#include "runtime/admin/why_core.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice::admin;
using namespace std::chrono_literals;
using coppice::telemetry::wait_edge;

namespace {

std::vector<wait_edge> edges(std::initializer_list<std::pair<const char*, const char*>> xs) {
  std::vector<wait_edge> out;
  for (auto& [from, to] : xs)
    out.push_back({from, to, "t", 1s});
  return out;
}

} // namespace

TEST_CASE("why: the oldest wait", "[why]") {
  CHECK_FALSE(oldest_wait({}));
  auto x = oldest_wait({{"a", "b", "t", 1s}, {"c", "d", "u", 3s}, {"e", "f", "v", 2s}});
  REQUIRE(x);
  CHECK(x->from == "c");
}

TEST_CASE("why: about one actor also what those wait for that it waits for", "[why]") {
  auto all = edges({{"n:/a", "n:/b"},
                    {"n:/b", "n:/c"},
                    {"n:/x", "n:/y"},
                    {"n:/z", "n:/a/deep"},
                    {"n:/ab", "n:/q"}});
  auto about = waits_about(all, {"n:/a"});
  CHECK(about == edges({{"n:/a", "n:/b"}, {"n:/b", "n:/c"}, {"n:/z", "n:/a/deep"}}));
  CHECK(waits_about(all, {"n:/x", "n:/ab"}) == edges({{"n:/x", "n:/y"}, {"n:/ab", "n:/q"}}));
}
