#include "runtime/events/mark_filter.hpp"

#include "runtime/base/prng.hpp"

#include <catch2/catch_test_macros.hpp>

#include <functional>
#include <string>

using namespace coppice;
using namespace coppice::events;

namespace {

uint64_t hash_of(uint64_t i) {
  return std::hash<std::string>{}("0190a5d0-7c00-7000-8000-" + std::to_string(i));
}

} // namespace

TEST_CASE("mark filter: never denies one of the newest, seldom claims another", "[events]") {
  constexpr uint64_t keep = 20'000;
  mark_filter filter{keep};
  CHECK_FALSE(filter.may_have(hash_of(0)));
  uint64_t missing = 0;
  uint64_t claimed = 0;
  for (uint64_t i = 0; i < 200'000; ++i) {
    claimed += filter.may_have(hash_of(i)) ? 1 : 0;
    filter.add(hash_of(i));
    for (auto back : {uint64_t{0}, uint64_t{1}, i / 2, keep - 1})
      missing += back <= i && back < keep && !filter.may_have(hash_of(i - back)) ? 1 : 0;
  }
  CHECK(missing == 0);
  CHECK(claimed < 100);
  // What is old goes.
  uint64_t old = 0;
  for (uint64_t i = 0; i < 10'000; ++i)
    old += filter.may_have(hash_of(i)) ? 1 : 0;
  CHECK(old < 10);
  CHECK(filter.bytes() < 16 * keep);
}

TEST_CASE("mark filter: what is added again pushes nothing out", "[events]") {
  mark_filter filter{1000};
  for (uint64_t i = 0; i < 1000; ++i)
    filter.add(hash_of(i));
  for (uint64_t i = 0; i < 100'000; ++i)
    filter.add(hash_of(999));
  for (uint64_t i = 0; i < 1000; ++i)
    REQUIRE(filter.may_have(hash_of(i)));
}

TEST_CASE("mark filter: its memory is bounded, then it denies nothing", "[events]") {
  mark_filter filter{UINT64_MAX};
  prng random{3};
  for (uint64_t i = 0; i < mark_filter::marks_max + 10; ++i)
    filter.add(random.next());
  CHECK(filter.bytes() <= 4 * mark_filter::marks_max);
  CHECK(filter.may_have(1));
  CHECK(filter.may_have(random.next()));
}
