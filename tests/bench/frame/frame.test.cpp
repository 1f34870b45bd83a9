#include "tests/bench/frame/child.hpp"
#include "tests/bench/frame/program.hpp"
#include "tests/bench/frame/report.hpp"
#include "tests/bench/frame/statistics.hpp"

#include <catch2/catch_approx.hpp>
#include <catch2/catch_test_macros.hpp>

#include <map>

using namespace coppice;
using namespace coppice::bench;

namespace {

/// Gives prepared readings, by program, one after the other, and counts its calls.
struct script {
  std::map<std::string, std::vector<double>> values;
  std::map<std::string, size_t> calls;
  std::vector<std::string> order;

  result<reading> operator()(const command& what) {
    auto& name = what.words.front();
    order.push_back(name);
    auto& list = values[name];
    if (list.empty())
      return error{errc::not_found, name + " is not there", name, {}};
    auto i = calls[name]++;
    reading out{list[i % list.size()], 10, {}, {}, {}};
    out.parts.emplace("start", reading{2 * out.value, 1, {}, {}, {}});
    return out;
  }
};

row simple_row(better is, std::optional<double> ratio_min = {}) {
  return {"r", {{"ours"}}, {{"theirs", {{"theirs"}}}}, {{"", "x/s", is, ratio_min}}};
}

std::vector<outcome> run_script(script& with, const std::vector<row>& rows,
                                duration budget = std::chrono::seconds{45}) {
  run_settings settings;
  settings.budget = budget;
  settings.measure = [&](const command& x) { return with(x); };
  // Every look at the clock is a second later.
  settings.now = [t = duration{0}]() mutable { return t += std::chrono::seconds{1}; };
  return run(rows, settings);
}

} // namespace

TEST_CASE("bench statistics: median, spread, percentile", "[bench_frame]") {
  CHECK(median({3, 1, 2}) == 2);
  CHECK(median({4, 1, 2, 3}) == 2.5);
  CHECK(spread({10, 11, 9}) == Catch::Approx(0.2));
  CHECK(spread({10}) == 0);
  CHECK(spread({0, 0}) == 0);
  std::vector<double> xs{5, 1, 4, 2, 3};
  CHECK(percentile(xs, 0.5) == 3);
  CHECK(percentile(xs, 0.99) == 5);
  CHECK(percentile(xs, 0.01) == 1);
}

TEST_CASE("bench statistics: a ratio is bigger when better", "[bench_frame]") {
  CHECK(ratio(20, 10, better::bigger) == 2);
  CHECK(ratio(20, 10, better::smaller) == 0.5);
  CHECK(ratio(20, 0, better::bigger) == 0);
}

TEST_CASE("bench run: medians of five rounds in turns", "[bench_frame]") {
  script with{{{"ours", {100, 101, 102, 103, 99}}, {"theirs", {50, 51, 52, 49, 50}}}, {}, {}};
  auto out = run_script(with, {simple_row(better::bigger, 1.5)});
  REQUIRE(out.size() == 1);
  CHECK(out[0].value == 101);
  REQUIRE(out[0].baselines.size() == 1);
  CHECK(out[0].baselines[0].value == 50);
  CHECK(out[0].baselines[0].ratio == Catch::Approx(2.02));
  CHECK(out[0].spread == Catch::Approx(4.0 / 101));
  CHECK_FALSE(out[0].unsteady);
  CHECK(out[0].met() == true);
  CHECK(with.order
        == std::vector<std::string>{"ours", "theirs", "theirs", "ours", "ours", "theirs", "theirs",
                                    "ours", "ours", "theirs"});
}

TEST_CASE("bench run: an unsteady row is run again, and marked when it stays so", "[bench_frame]") {
  script calms{
    {{"ours", {100, 200, 100, 100, 100, 100, 100, 100, 100, 100}}, {"theirs", {50}}}, {}, {}};
  auto out = run_script(calms, {simple_row(better::bigger)});
  CHECK(calms.calls["ours"] == 10);
  CHECK_FALSE(out[0].unsteady);

  script stays{{{"ours", {100}}, {"theirs", {50, 100}}}, {}, {}};
  out = run_script(stays, {simple_row(better::bigger)});
  CHECK(stays.calls["ours"] == 10);
  CHECK(out[0].unsteady);

  script no_time{{{"ours", {100, 200}}, {"theirs", {50}}}, {}, {}};
  out = run_script(no_time, {simple_row(better::bigger)}, std::chrono::seconds{1});
  CHECK(no_time.calls["ours"] == 5);
  CHECK(out[0].unsteady);
}

TEST_CASE("bench run: a baseline that is not there is said, not guessed", "[bench_frame]") {
  script with{{{"ours", {100}}}, {}, {}};
  auto out = run_script(with, {simple_row(better::bigger, 0.9)});
  REQUIRE(out[0].baselines.size() == 1);
  CHECK_FALSE(out[0].baselines[0].value);
  CHECK(out[0].baselines[0].missing == "theirs: theirs is not there");
  CHECK_FALSE(out[0].met());
  auto json = to_json(out)[0].as_object();
  CHECK(json["ratio"].is_null());
  CHECK(json["baseline"].as_object()["value"].is_null());
}

TEST_CASE("bench run: a measurement that fails stops its row only", "[bench_frame]") {
  script with{{{"theirs", {50}}, {"other", {1}}}, {}, {}};
  auto other = simple_row(better::bigger);
  other.value.words = {"other"};
  auto out = run_script(with, {simple_row(better::bigger), other});
  REQUIRE(out.size() == 2);
  CHECK(out[0].failure.code == errc::not_found);
  CHECK(out[1].failure.code == errc::none);
  CHECK(to_table(out).find("failed: ours: ours is not there") != std::string::npos);
}

TEST_CASE("bench run: parts are results of their own", "[bench_frame]") {
  script with{{{"ours", {100}}, {"theirs", {50}}}, {}, {}};
  auto two = simple_row(better::smaller);
  two.figures.push_back({"start", "s", better::smaller, 0.4});
  auto out = run_script(with, {two});
  REQUIRE(out.size() == 2);
  CHECK(out[1].name == "r.start");
  CHECK(out[1].value == 200);
  CHECK(out[1].baselines[0].ratio == 0.5);
  CHECK(out[1].met() == true);
}

TEST_CASE("bench report: the promised members are there", "[bench_frame]") {
  script with{{{"ours", {100}}, {"theirs", {50}}}, {}, {}};
  auto json = to_json(run_script(with, {simple_row(better::bigger, 3)}))[0].as_object();
  for (auto name :
       {"name", "unit", "value", "baseline", "ratio", "spread", "p50_ms", "p99_ms", "n"})
    CHECK(json.contains(name));
  CHECK(json["value"].as_double() == 100);
  CHECK(json["ratio"].as_double() == 2);
  CHECK(json["p50_ms"].is_null());
  CHECK(json["met"].as_bool() == false);
  CHECK(json["baseline"].as_object()["name"].as_string() == "theirs");
}

TEST_CASE("bench programs: a reading survives its line", "[bench_frame]") {
  reading x{1.5, 7, 0.25, 2.0, {}};
  x.parts.emplace("start", reading{3, 1, {}, {}, {}});
  auto back = parse_reading("a diagnostic\n" + to_line(x) + "\n");
  REQUIRE(back);
  CHECK(back->value == 1.5);
  CHECK(back->n == 7);
  CHECK(back->p50_ms == 0.25);
  CHECK(back->parts.at("start").value == 3);
  CHECK_FALSE(parse_reading("nonsense"));
  CHECK_FALSE(parse_reading("{\"n\":1}"));
  CHECK_FALSE(parse_reading(""));
}

TEST_CASE("bench child: processes are measured, failures are told", "[bench_frame]") {
  auto said = measure({{"sh", "-c", "echo '{\"value\":2,\"n\":1}'"}});
  REQUIRE(said);
  CHECK(said->value == 2);
  auto failed = measure({{"sh", "-c", "exit 3"}});
  REQUIRE_FALSE(failed);
  CHECK(failed.error().message == "ended with 3");
  auto absent = measure({{"no-such-program-here"}});
  REQUIRE_FALSE(absent);
  CHECK(absent.error().code == errc::not_found);
  // Closing its output early is no way around the limit, so the shell keeps it open.
  auto slow = measure({{"sh", "-c", "read -r x < /dev/zero"}, std::chrono::milliseconds{50}});
  REQUIRE_FALSE(slow);
  CHECK(slow.error().code == errc::timeout);
}
