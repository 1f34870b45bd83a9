#include "runtime/node/timeline.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace std::chrono_literals;

namespace {

constexpr instant noon{1'767'700'800'000'000'000};

timeline_entry entry(instant at, std::string text, std::string details = {}) {
  return {0, at, {}, "restart", "/user/a", std::move(text), std::move(details)};
}

std::vector<std::string> texts(const timeline& x) {
  std::vector<std::string> out;
  for (auto& each : x.since({}, timeline::entries_max))
    out.push_back(each.text);
  return out;
}

} // namespace

TEST_CASE("timeline: what is found out later is filled in, the instant stays", "[node]") {
  timeline x{"alpha"};
  std::vector<std::pair<uint64_t, std::string>> kept;
  x.keep({}, [&](const timeline_entry& e, uint64_t) { kept.emplace_back(e.number, e.details); });
  auto first = x.add(entry(noon, "a", "{}"));
  x.add(entry(noon + 1s, "b"));
  x.complete(first, R"({"stack":[]})");
  x.complete(17, "{}");
  auto all = x.since({}, 10);
  REQUIRE(all.size() == 2);
  CHECK(all[0].at == noon);
  CHECK(all[0].details == R"({"stack":[]})");
  CHECK(
    kept
    == std::vector<std::pair<uint64_t, std::string>>{{1, "{}"}, {2, ""}, {1, R"({"stack":[]})"}});
  x.keep_no_more();
  x.add(entry(noon + 2s, "c"));
  CHECK(kept.size() == 3);
}

TEST_CASE("timeline: earlier lives come first and numbers go on", "[node]") {
  timeline x{"alpha"};
  x.add(entry(noon, "before the store was there"));
  std::vector<uint64_t> kept;
  timeline_entry old = entry(noon - 1h, "gave up");
  old.number = 41;
  x.keep({old}, [&](const timeline_entry& e, uint64_t oldest) {
    kept.push_back(e.number);
    CHECK(oldest == 41);
  });
  CHECK(x.add(entry(noon + 1s, "now")) == 43);
  CHECK(kept == std::vector<uint64_t>{42, 43});
  CHECK(texts(x) == std::vector<std::string>{"gave up", "before the store was there", "now"});
  CHECK(x.since({}, 10)[0].node == "alpha");
}

TEST_CASE("timeline: bounds by count, bytes and age", "[node]") {
  timeline many{"alpha"};
  for (size_t i = 0; i < timeline::entries_max + 5; ++i)
    many.add(entry(noon, std::to_string(i)));
  CHECK(many.since({}, SIZE_MAX).size() == timeline::entries_max);
  CHECK(many.since({}, SIZE_MAX).front().text == "5");

  timeline big{"alpha"};
  for (int i = 0; i < 20; ++i)
    big.add(entry(noon, "x", std::string(1 << 20, 'x')));
  CHECK(big.since({}, 100).size() == 15);

  timeline old{"alpha"};
  old.add(entry(noon, "old"));
  old.add(entry(noon + timeline::age_max + 1s, "new"));
  CHECK(texts(old) == std::vector<std::string>{"new"});
}

TEST_CASE("timeline: followers go by time, also when two threads swap by a moment", "[node]") {
  timeline x{"alpha"};
  x.add(entry(noon, "a"));
  x.add(entry(noon - 1ms, "b"));
  // A clock that was set back is no swap.
  x.add(entry(noon - 1h, "c"));
  auto all = x.since({}, 10);
  CHECK(all[1].at == noon);
  CHECK(all[2].at == noon - 1h);
}
