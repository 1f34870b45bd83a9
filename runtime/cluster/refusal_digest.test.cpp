#include "runtime/cluster/refusal_digest.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::cluster;
using namespace std::chrono_literals;

TEST_CASE("refusal digest: the first at once, then few with a count", "[cluster]") {
  refusal_digest x;
  CHECK(x.take_due(0s).empty());
  x.add("10.0.0.9:4711", "certificate", "not ours", 1s);
  CHECK(x.take_due(1s) == std::vector<turned_away>{{"10.0.0.9", "certificate", "not ours", 1}});
  size_t told = 0;
  uint64_t counted = 1;
  // A day of a stranger that knocks every second, from another port each time.
  for (auto now = 2s; now <= 24h; now += 1s) {
    x.add("10.0.0.9:" + std::to_string(now.count() % 60'000), "not_tls", "no TLS", now);
    for (auto& one : x.take_due(now)) {
      if (told == 0) {
        CHECK(now == 61s);
        CHECK(one == turned_away{"10.0.0.9", "not_tls", "no TLS", 60});
      }
      ++told;
      counted += one.count;
    }
  }
  CHECK(told < 32);
  CHECK(counted > 23 * 3600);
}

TEST_CASE("refusal digest: sources are told apart, and one that was quiet begins anew",
          "[cluster]") {
  refusal_digest x;
  x.add("[::1]:1", "a", "", 0s);
  x.add("10.0.0.1:1", "b", "", 0s);
  auto both = x.take_due(0s);
  REQUIRE(both.size() == 2);
  CHECK(both[0].source == "10.0.0.1");
  CHECK(both[1].source == "[::1]");
  x.add("10.0.0.1:2", "b", "", 30s);
  CHECK(x.take_due(59s).empty());
  CHECK(x.take_due(60s).size() == 1);
  // Quiet for its interval.
  CHECK(x.take_due(1h).empty());
  x.add("10.0.0.1:3", "b", "", 1h + 1s);
  CHECK(x.take_due(1h + 1s).size() == 1);
}

TEST_CASE("refusal digest: past the bound sources share an entry", "[cluster]") {
  refusal_digest x;
  for (int i = 0; i < 1000; ++i)
    x.add("10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250) + ":1", "a", "", 0s);
  auto told = x.take_due(0s);
  CHECK(told.size() == refusal_digest::sources_max);
  CHECK(told.back() == turned_away{"others", "a", "", 1000 - refusal_digest::sources_max + 1});
}
