#include "actors/edge/core/schedule.hpp"
#include "runtime/base/prng.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::edge;
using namespace std::chrono_literals;

TEST_CASE("schedule: ticks keep to the grid however late they are", "[edge][schedule]") {
  interval_schedule s{1s, 10s};
  CHECK(s.advance(9'999ms) == 0);
  CHECK(s.next() == 10s);
  CHECK(s.advance(10s) == 1);
  CHECK(s.next() == 11s);
  CHECK(s.advance(11'900ms) == 1);
  CHECK(s.next() == 12s);
  CHECK(s.advance(12s - 1ns) == 0);
}

TEST_CASE("schedule: a pause is followed by one tick", "[edge][schedule]") {
  interval_schedule s{1s, 10s};
  CHECK(s.advance(3'600'500ms) == 3591);
  CHECK(s.next() == 3601s);
  CHECK(s.advance(3'600'600ms) == 0);
}

TEST_CASE("schedule: a new interval starts a new grid", "[edge][schedule]") {
  interval_schedule s{1s, 10s};
  s.set_interval(5s, 10'250ms);
  CHECK(s.interval() == 5s);
  CHECK(s.advance(15s) == 0);
  CHECK(s.next() == 15'250ms);
  CHECK(s.advance(15'250ms) == 1);
}

TEST_CASE("schedule: agrees with counting grid points one by one", "[edge][schedule]") {
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    INFO("seed " << seed);
    prng random{seed};
    auto interval = interval_min + duration{static_cast<int64_t>(random.below(1'000'000'000))};
    duration first{static_cast<int64_t>(random.below(5'000'000'000))};
    interval_schedule s{interval, first};
    auto due = first; // The model: the grid point that comes next.
    duration now{0};
    for (int i = 0; i < 100; ++i) {
      now +=
        duration{static_cast<int64_t>(random.below(i % 10 == 0 ? 20'000'000'000 : 500'000'000))};
      uint64_t passed = 0;
      while (due <= now) {
        due += interval;
        ++passed;
      }
      REQUIRE(s.advance(now) == passed);
      REQUIRE(s.next() == due);
    }
  }
}

TEST_CASE("schedule: intervals out of bounds are refused", "[edge][schedule]") {
  CHECK(check_interval(10ms));
  CHECK(check_interval(24h));
  for (duration bad : {duration{0}, duration{-1s}, duration{10ms - 1ns}, duration{24h + 1ns},
                       duration::min(), duration::max()}) {
    auto answer = check_interval(bad, "/args/interval");
    REQUIRE(!answer);
    CHECK(answer.error().code == errc::out_of_range);
    CHECK(answer.error().at == "/args/interval");
  }
}
