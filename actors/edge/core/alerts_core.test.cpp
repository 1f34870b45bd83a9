#include "actors/edge/core/alerts_core.hpp"
#include "actors/edge/core/golden.hpp"
#include "runtime/base/prng.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

using namespace coppice;
using namespace coppice::edge;
using namespace std::chrono_literals;

namespace {

constexpr instant epoch{1'767'693'600'000'000'000}; // 2026-01-06T10:00:00Z

alert_rule above(std::string name, std::string series, double threshold) {
  alert_rule out;
  out.name = std::move(name);
  out.series = std::move(series);
  out.above = threshold;
  return out;
}

/// `NAME SERIES [above X] [below X] [clear X] [for D] [clear_for D] [no_data_after D] [severity S]`
alert_rule parse_rule(std::istream& in) {
  alert_rule out;
  in >> out.name >> out.series;
  std::string key, value;
  while (in >> key >> value) {
    if (key == "above")
      out.above = std::stod(value);
    else if (key == "below")
      out.below = std::stod(value);
    else if (key == "clear")
      out.clear = std::stod(value);
    else if (key == "for")
      out.hold = parse_duration(value).value();
    else if (key == "clear_for")
      out.clear_for = parse_duration(value).value();
    else if (key == "no_data_after")
      out.no_data_after = parse_duration(value).value();
    else if (key == "severity")
      out.level = value == "critical" ? severity::critical
                  : value == "info"   ? severity::info
                                      : severity::warning;
    else
      FAIL("unknown word in a script: " << key);
  }
  return out;
}

std::string show(const alert_event& e) {
  std::ostringstream out;
  out << "-> " << to_string(e.change) << ' ' << e.rule << ' ' << e.series
      << " reason=" << to_string(e.reason) << " severity=" << to_string(e.level)
      << " value=" << e.value << " threshold=" << e.threshold
      << " since=" << coppice::to_string(e.since - epoch)
      << " at=" << coppice::to_string(e.at - epoch) << '\n';
  return out.str();
}

/// Lines of a script: `rule ...`, `drop NAME`, `apply`, `at TIME [series=value ...]`, `restart
/// TIME`, `raised`. What it prints stands below each, with an arrow.
std::string run_script(const std::string& script) {
  std::istringstream lines{script};
  std::string out, line;
  std::vector<alert_rule> rules;
  alerts_core core{{}};
  auto now = epoch;
  auto print = [&out](const std::vector<alert_event>& events) {
    for (auto& e : events)
      out += show(e);
  };
  while (std::getline(lines, line)) {
    if (line.starts_with("->"))
      continue;
    out += line + "\n";
    std::istringstream words{line};
    std::string command, word;
    words >> command;
    if (command == "rule") {
      auto rule = parse_rule(words);
      std::erase_if(rules, [&](auto& r) { return r.name == rule.name; });
      rules.push_back(std::move(rule));
    } else if (command == "drop") {
      words >> word;
      std::erase_if(rules, [&](auto& r) { return r.name == word; });
    } else if (command == "apply") {
      auto errors = check_rules(rules);
      for (auto& e : errors)
        out += "-> " + coppice::to_string(e) + "\n";
      if (errors.empty())
        print(core.set_rules(rules, now));
    } else if (command == "at") {
      words >> word;
      now = epoch + parse_duration(word).value();
      series_values values;
      while (words >> word) {
        auto equals = word.find('=');
        values[word.substr(0, equals)] = std::stod(word.substr(equals + 1));
      }
      print(core.step(values, now));
    } else if (command == "restart") {
      words >> word;
      now = epoch + parse_duration(word).value();
      auto snapshot = core.snapshot();
      core = alerts_core{rules};
      print(core.restore(snapshot, now));
    } else if (command == "raised") {
      for (auto& s : core.raised())
        out += "-> " + s.rule + ' ' + s.series + (s.recovering ? " recovering" : "") + "\n";
    } else if (!command.empty() && command[0] != '#') {
      FAIL("unknown command in a script: " << command);
    }
  }
  return out;
}

} // namespace

TEST_CASE("alerts: golden scripts", "[edge][alerts]") {
  auto folder = std::string{COPPICE_TEST_DATA} + "/testdata";
  size_t seen = 0;
  for (auto& entry : std::filesystem::directory_iterator{folder}) {
    if (!entry.path().filename().string().starts_with("alerts_"))
      continue;
    ++seen;
    auto path = entry.path().string();
    testing::check_golden(path, run_script(testing::read_text(path)));
  }
  CHECK(seen >= 5);
}

TEST_CASE("alerts: every mistake in a rule is named with its place", "[edge][alerts]") {
  auto nan = std::numeric_limits<double>::quiet_NaN();
  struct row {
    alert_rule rule;
    errc code;
    std::string at;
  };
  std::vector<row> table;
  auto add = [&](errc code, std::string at, auto change) {
    auto rule = above("hot", "cpu.busy", 0.9);
    change(rule);
    table.push_back({rule, code, "/rules/0/" + at});
  };
  add(errc::invalid_value, "name", [](auto& r) { r.name = "Hot one"; });
  add(errc::invalid_value, "name", [](auto& r) { r.name = ""; });
  add(errc::missing_field, "series", [](auto& r) { r.series = ""; });
  add(errc::too_large, "series", [](auto& r) { r.series = std::string(513, 'x'); });
  add(errc::missing_field, "above", [](auto& r) { r.above.reset(); });
  add(errc::invalid_value, "below", [](auto& r) { r.below = 0.1; });
  add(errc::out_of_range, "above", [&](auto& r) { r.above = nan; });
  add(errc::out_of_range, "clear", [&](auto& r) { r.clear = nan; });
  add(errc::invalid_value, "clear", [](auto& r) { r.clear = 0.95; });
  add(errc::invalid_value, "clear",
      [](auto& r) { r.above.reset(), r.below = 0.1, r.clear = 0.05; });
  add(errc::out_of_range, "for", [](auto& r) { r.hold = -1s; });
  add(errc::out_of_range, "clear_for", [](auto& r) { r.clear_for = 24h * 8; });
  add(errc::out_of_range, "no_data_after", [](auto& r) { r.no_data_after = -1ns; });
  for (auto& [rule, code, at] : table) {
    auto errors = check_rules({rule});
    INFO(at);
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].code == code);
    CHECK(errors[0].at == at);
    CHECK(!errors[0].message.empty());
  }
  CHECK(check_rules({above("a", "x", 1), above("b", "x", 2)}).empty());
  auto twice = check_rules({above("a", "x", 1), above("a", "y", 1)});
  REQUIRE(twice.size() == 1);
  CHECK(twice[0].code == errc::already_exists);
  CHECK(check_rules(std::vector<alert_rule>(alerts_core::rules_max + 1))[0].code
        == errc::too_large);
}

TEST_CASE("alerts: values that are not finite count as missing", "[edge][alerts]") {
  auto rule = above("hot", "cpu.busy", 0.9);
  rule.no_data_after = 10s;
  alerts_core core{{rule}};
  CHECK(core.step({{"cpu.busy", std::numeric_limits<double>::infinity()}}, epoch).empty());
  CHECK(core.step({{"cpu.busy", 1.0}}, epoch + 1s).size() == 1);
  CHECK(core.step({{"cpu.busy", std::nan("")}}, epoch + 2s).empty());
  auto events = core.step({{"cpu.busy", std::nan("")}}, epoch + 11s);
  REQUIRE(events.size() == 1);
  CHECK(events[0].reason == alert_reason::no_data);
}

TEST_CASE("alerts: states of another source are not restored", "[edge][alerts]") {
  alerts_core alpha{{above("hot", "cpu.busy", 0.9)}, "alpha"};
  auto events = alpha.step({{"cpu.busy", 1.0}}, epoch);
  REQUIRE(events.size() == 1);
  CHECK(events[0].source == "alpha");
  alerts_core beta{{above("hot", "cpu.busy", 0.9)}, "beta"};
  CHECK(beta.restore(alpha.snapshot(), epoch).empty());
  CHECK(beta.raised().empty());
  CHECK(beta.step({{"cpu.busy", 1.0}}, epoch).size() == 1);
}

TEST_CASE("alerts: what does not fit is not watched, and counted", "[edge][alerts]") {
  alerts_core core{{above("many", "x.*", 0)}};
  series_values values;
  for (size_t i = 0; i < alerts_core::states_max + 5; ++i)
    values["x." + std::to_string(i)] = 1;
  CHECK(core.step(values, epoch).size() == alerts_core::states_max);
  CHECK(core.overflowed() == 5);
}

TEST_CASE("alerts: events of random histories alternate and survive restarts", "[edge][alerts]") {
  for (uint64_t seed = 1; seed <= 200; ++seed) {
    INFO("seed " << seed);
    prng random{seed};
    auto rule = above("r", "s*", 0.8);
    rule.clear = 0.5;
    rule.hold = duration{1s} * static_cast<int64_t>(random.below(5));
    rule.clear_for = duration{1s} * static_cast<int64_t>(random.below(5));
    rule.no_data_after = duration{1s} * static_cast<int64_t>(random.below(8));
    alerts_core core{{rule}};
    std::map<std::string, bool> raised;
    auto now = epoch;
    for (int step = 0; step < 200; ++step) {
      now = now + duration{1s} * (static_cast<int64_t>(random.below(4)) - 1);
      series_values values;
      for (auto* name : {"s1", "s2", "other"})
        if (random.below(4) != 0)
          values[name] = random.unit();
      auto events = core.step(values, now);
      for (auto& e : events) {
        auto is_raise = e.change == alert_change::raised;
        CHECK(raised[e.series] != is_raise);
        raised[e.series] = is_raise;
        CHECK(e.series != "other");
        if (is_raise)
          CHECK(values.at(e.series) > 0.8);
        if (e.reason == alert_reason::recovered)
          CHECK(values.at(e.series) <= 0.5);
      }
      // A snapshot taken and restored at the same moment changes nothing but the clock's last
      // reading.
      auto snapshot = core.snapshot();
      alerts_core copy{{rule}};
      CHECK(copy.restore(snapshot, now).empty());
      CHECK(copy.snapshot() == snapshot);
      CHECK(copy.raised() == core.raised());
    }
    auto count = static_cast<size_t>(
      std::count_if(raised.begin(), raised.end(), [](auto& x) { return x.second; }));
    CHECK(core.raised().size() == count);
  }
}
