#include "actors/edge/core/series.hpp"
#include "actors/edge/core/host_types.hpp"
#include "runtime/base/prng.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <catch2/catch_test_macros.hpp>

#include <limits>

using namespace coppice;
using namespace coppice::edge;

TEST_CASE("series: a sample is flattened by the names of its fields and keys", "[edge][series]") {
  host_sample x;
  x.host = "named";
  x.cpu.busy = 0.25;
  x.cpu.core["0"].busy = 0.5;
  x.disk["/"].used_ratio = 0.75;
  x.net["eth0"].rx_bytes_per_s = 1000;
  x.pressure["io"].full = stall_sample{0.1, 0.2, 0.3, 4};
  x.temperature["chip"].celsius = 40;
  auto s = flatten(x);
  CHECK(s.at("cpu.busy") == 0.25);
  CHECK(s.at("cpu.core.0.busy") == 0.5);
  CHECK(s.at("disk./.used_ratio") == 0.75);
  CHECK(s.at("net.eth0.rx_bytes_per_s") == 1000);
  CHECK(s.at("pressure.io.full.avg_60s") == 0.2);
  CHECK(s.at("temperature.chip.celsius") == 40);
  CHECK(!s.contains("cpu.iowait"));
  CHECK(!s.contains("memory.used_ratio"));
  CHECK(!s.contains("host"));
  CHECK(!s.contains("pressure.io.some.avg_10s"));
  CHECK(flatten(x, "alpha").contains("alpha.cpu.busy"));
}

TEST_CASE("series: any JSON document is flattened", "[edge][series]") {
  auto doc = boost::json::parse(
    R"({"a":{"b":1,"c":[1.5,{"d":true}],"t":"x"},"n":null,"big":18446744073709551615})");
  auto s = flatten_json(doc);
  CHECK(
    s
    == series_values{{"a.b", 1}, {"a.c.0", 1.5}, {"a.c.1.d", 1}, {"big", 18446744073709551616.0}});
  CHECK(flatten_json(boost::json::value(5), "x") == series_values{{"x", 5}});
  CHECK(flatten_json(boost::json::value(5)).empty());
}

TEST_CASE("series: bounds of number, name and depth hold", "[edge][series]") {
  series_builder out;
  out.add("inf", std::numeric_limits<double>::infinity());
  out.add(std::string(series_builder::name_bytes_max + 1, 'x'), 1);
  for (size_t i = 0; i < series_builder::values_max + 3; ++i)
    out.add("s" + std::to_string(i), 1);
  CHECK(out.dropped() == 4);
  CHECK(out.take().size() == series_builder::values_max);
  boost::json::value deep = 1;
  for (int i = 0; i < 1000; ++i)
    deep = boost::json::array{std::move(deep)};
  CHECK(flatten_json(deep).empty());
}

TEST_CASE("series: globs", "[edge][series]") {
  struct row {
    const char* pattern;
    const char* text;
    bool matches;
  };
  const row table[] = {
    {"cpu.busy", "cpu.busy", true},
    {"cpu.busy", "cpu.busy2", false},
    {"cpu.*", "cpu.core.0.busy", true},
    {"*", "", true},
    {"", "", true},
    {"", "x", false},
    {"?", "", false},
    {"?", "x", true},
    {"d*.used", "disk./.used", true},
    {"*.used_ratio", "disk./a.b.used_ratio", true},
    {"a*b*c", "a__b__b__c", true},
    {"a*b*c", "a__c__b", false},
    {"**x", "x", true},
    {"x*", "yx", false},
  };
  for (auto& [pattern, text, matches] : table) {
    INFO(pattern << " on " << text);
    CHECK(glob_match(pattern, text) == matches);
  }
}

namespace {

bool slow_match(std::string_view p, std::string_view t) {
  if (p.empty())
    return t.empty();
  if (p[0] == '*')
    return slow_match(p.substr(1), t) || (!t.empty() && slow_match(p, t.substr(1)));
  return !t.empty() && (p[0] == '?' || p[0] == t[0]) && slow_match(p.substr(1), t.substr(1));
}

} // namespace

TEST_CASE("series: globs agree with the definition", "[edge][series]") {
  prng random{7};
  for (int i = 0; i < 20'000; ++i) {
    std::string p, t;
    for (auto n = random.below(7); n > 0; --n)
      p += "ab*?"[random.below(4)];
    for (auto n = random.below(9); n > 0; --n)
      t += "ab"[random.below(2)];
    INFO(p << " on " << t);
    REQUIRE(glob_match(p, t) == slow_match(p, t));
  }
}
