#include "runtime/base/duration.hpp"
#include "runtime/base/prng.hpp"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace coppice;
using namespace std::chrono_literals;

TEST_CASE("durations are read with their unit and written in the shortest exact form", "[base]") {
  auto [text, value, canonical] = GENERATE(table<std::string, duration, std::string>({
    {"250ms", 250ms, "250ms"},
    {"1.5s", 1500ms, "1.5s"},
    {"90s", 90s, "90s"},
    {"2min", 2min, "2min"},
    {"0.25ms", 250us, "250us"},
    {"1h", 1h, "1h"},
    {"36h", 36h, "36h"},
    {"2d", 48h, "48h"},
    {"1234567ns", 1234567ns, "1234.567us"},
    {"0s", 0s, "0s"},
  }));
  auto parsed = parse_duration(text);
  REQUIRE(parsed);
  CHECK(*parsed == value);
  CHECK(to_string(value) == canonical);
  CHECK(*parse_duration(to_string(value)) == value);
}

TEST_CASE("durations without a unit, with a sign or beyond a nanosecond are refused", "[base]") {
  auto text = GENERATE("", "5", "-3s", "+3s", "s", "1m", "1.s", "1s500ms", "0.5ns", "1e3s", "300y",
                       "400000d", " 1s", "99999999999999999999s");
  auto parsed = parse_duration(text);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code == errc::invalid_value);
}

TEST_CASE("every duration survives a round trip through text", "[base]") {
  prng random{7};
  for (int i = 0; i < 2000; ++i) {
    auto d = duration{static_cast<int64_t>(random.next() >> (1 + random.below(62)))};
    auto back = parse_duration(to_string(d));
    REQUIRE(back);
    CHECK(*back == d);
  }
}

TEST_CASE("instants are RFC 3339 in UTC", "[base]") {
  CHECK(to_string(instant{1767693600'000000000}) == "2026-01-06T10:00:00Z");
  CHECK(parse_instant("2026-01-06T10:00:00Z")->ns == 1767693600'000000000);
  CHECK(parse_instant("2026-01-06T12:00:00.25+02:00")->ns == 1767693600'250000000);
  CHECK(to_string(instant{-1}) == "1969-12-31T23:59:59.999999999Z");
  CHECK(parse_instant("2024-02-29T00:00:00Z"));
  auto bad = GENERATE("2023-02-29T00:00:00Z", "2026-01-06", "2026-01-06T10:00:00",
                      "2026-13-06T10:00:00Z", "2026-01-06 10:00:00Z", "2026-01-06T24:00:00Z",
                      "2026-01-06T10:00:00Z ", "2026-01-06T10:00:60Z");
  CHECK_FALSE(parse_instant(bad));
}
