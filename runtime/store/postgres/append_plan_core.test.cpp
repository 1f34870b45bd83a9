#include "runtime/store/postgres/append_plan_core.hpp"

#include "runtime/store/event_store.hpp"
#include "runtime/store/postgres/binary_array.hpp"
#include "runtime/store/postgres/breaker_core.hpp"
#include "runtime/store/sqlite_file.hpp"
#include "runtime/store/testing.hpp"

#include <catch2/catch_test_macros.hpp>

#include <map>

namespace {

using namespace coppice;
using namespace std::chrono_literals;
using coppice::postgres::append_planner;

/// What a database has after the plans so far.
struct planned_store {
  std::map<std::string, postgres::stream_row> streams;
  std::map<std::string, store::recorded_event> events;
  uint64_t head = 0;

  std::vector<result<store::append_result>>
  append(const std::vector<store::append_request>& requests) {
    append_planner planner{head};
    std::vector<const store::append_request*> group;
    for (const auto& x : requests) {
      group.push_back(&x);
      if (auto i = streams.find(x.stream); i != streams.end())
        planner.know(i->second);
      for (const auto& event : x.events)
        if (auto i = events.find(event.id); i != events.end())
          planner.know(i->second);
    }
    auto plan = planner.plan(group);
    for (const auto& x : plan.streams)
      streams[x.name] = x;
    for (const auto& x : plan.events)
      for (const auto& [name, row] : streams)
        if (row.id == x.stream_id) {
          REQUIRE(x.position > head);
          REQUIRE(
            events
              .try_emplace(
                x.event->id,
                store::recorded_event{
                  name, x.version, x.position, x.event->id, x.event->type, {}, x.event->data, {}})
              .second);
        }
    head = plan.head;
    return std::move(plan.answers);
  }
};

std::string said(const result<store::append_result>& x) {
  if (!x)
    return std::string{to_string(x.error().code)} + " " + x.error().message + " " + x.error().at;
  auto out = x->stream + " " + std::to_string(x->version) + " " + std::to_string(x->position);
  for (const auto& id : x->ids)
    out += " " + id;
  return out;
}

} // namespace

TEST_CASE("append plan: groups are decided as SQLite decides one append after the other",
          "[postgres]") {
  auto seed = random_seed();
  INFO("seed " << seed);
  prng random{seed};
  coppice::testing::temp_folder folder;
  auto file = store::sqlite_file::open({.path = folder / "e.db"});
  REQUIRE(file);
  auto other = store::sqlite_event_store::open(*file);
  REQUIRE(other);
  planned_store ours;
  for (int round = 0; round < 60; ++round) {
    std::vector<store::append_request> group(1 + random.below(6));
    for (auto& x : group) {
      x.stream = "s-" + std::to_string(random.below(4));
      switch (random.below(4)) {
        case 0:
          x.expected = store::expected_version::any();
          break;
        case 1:
          x.expected = store::expected_version::no_stream();
          break;
        case 2:
          x.expected = store::expected_version::stream_exists();
          break;
        default:
          x.expected = store::expected_version::exact(random.below(12));
      }
      for (auto n = 1 + random.below(3); n > 0; --n) {
        // Few ids, so that many are used again, in the right and in the wrong place.
        auto id = std::to_string(random.below(60));
        if (!x.events.empty() && x.events.back().id == id)
          continue;
        x.events.push_back({.id = id, .type = random.below(9) == 0 ? "other" : "t", .time = {1}});
      }
    }
    std::erase_if(group, [](auto& x) { return !check(x); });
    auto answers = ours.append(group);
    for (size_t i = 0; i < group.size(); ++i)
      REQUIRE(said(answers[i]) == said((*other)->append(group[i])));
  }
  CHECK(ours.head == (*other)->head());
  CHECK(ours.head > 20);
}

TEST_CASE("append plan: the same append twice in a group is answered twice and stored once",
          "[postgres]") {
  planned_store ours;
  store::append_request x{"s", store::expected_version::no_stream(), {{.id = "a", .type = "t"}}};
  auto answers = ours.append({x, x});
  CHECK(said(answers[0]) == "s 1 1 a");
  CHECK(said(answers[1]) == said(answers[0]));
  CHECK(ours.events.size() == 1);
}

TEST_CASE("append plan: a removed stream goes on behind its last event", "[postgres]") {
  append_planner planner{9};
  planner.know(postgres::stream_row{"s", 4, {false, 3}, 1});
  store::append_request x{"s", store::expected_version::no_stream(), {{.id = "a", .type = "t"}}};
  const store::append_request* group[] = {&x};
  auto plan = planner.plan(group);
  CHECK(said(plan.answers[0]) == "s 4 10 a");
  REQUIRE(plan.streams.size() == 1);
  CHECK(plan.streams[0].id == 4);
  CHECK(plan.streams[0].first_version == 4);
}

TEST_CASE("breaker: tries less and less often, and opens after a while", "[postgres]") {
  postgres::breaker_core breaker{
    {.opens_after = 10s, .delay_min = 100ms, .delay_max = 1s, .jitter = 0}, prng{1}};
  CHECK_FALSE(breaker.failing());
  breaker.failed(1s);
  CHECK(breaker.failing());
  CHECK(breaker.next_try() == 1100ms);
  breaker.failed(1100ms);
  CHECK(breaker.next_try() == 1300ms);
  for (auto at = 2s; at <= 10s; at += 1s)
    breaker.failed(at);
  CHECK(breaker.next_try() == 11s);
  CHECK_FALSE(breaker.open(10999ms));
  CHECK(breaker.open(11s));
  breaker.succeeded();
  CHECK_FALSE(breaker.open(99s));
  breaker.failed(100s);
  CHECK(breaker.next_try() == 100100ms);
  postgres::breaker_core shaken{{.delay_min = 100ms, .jitter = 0.5}, prng{1}};
  shaken.failed(0s);
  CHECK(shaken.next_try() >= 50ms);
  CHECK(shaken.next_try() < 100ms);
}

TEST_CASE("binary array: as PostgreSQL writes one", "[postgres]") {
  auto texts = postgres::binary_array::of_texts();
  texts.add("a\0b"); // A literal ends at the zero.
  texts.add("");
  std::string head{"\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\2\0\0\0\1", 20};
  CHECK(texts.bytes() == head + std::string{"\0\0\0\1a\0\0\0\0", 9});
  auto numbers = postgres::binary_array::of_numbers();
  numbers.add(int64_t{-2});
  CHECK(numbers.bytes().substr(24) == "\xff\xff\xff\xff\xff\xff\xff\xfe");
  CHECK(postgres::binary_array::of_numbers().bytes().size() == 20);
}
