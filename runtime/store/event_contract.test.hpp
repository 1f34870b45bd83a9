#pragma once

#include "runtime/store/event_store.hpp"

#include <catch2/catch_test_macros.hpp>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <stdexcept>
#include <thread>

// What every event store does. A backend's test program includes this once, behind a class `contract_store`: an empty store,
// which goes away with it. open() gives the store, open_again() another one on the same data - another node's, where that is
// possible, else the same.

using namespace coppice;
using namespace coppice::store;

namespace {

new_event make(const std::string& id, const std::string& data = R"({"n":1})") {
  return {.id = id, .type = "test.event", .data = data, .time = {5}};
}

std::vector<uint64_t> versions(const std::vector<recorded_event>& events) {
  std::vector<uint64_t> out;
  for (const auto& x : events)
    out.push_back(x.version);
  return out;
}

/// Collects what a tail hands over.
struct collector {
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<recorded_event> events;

  event_store::tail_callback callback() {
    return [this](std::vector<recorded_event> batch) {
      std::lock_guard guard{mutex};
      for (auto& x : batch)
        events.push_back(std::move(x));
      changed.notify_all();
    };
  }

  bool wait_for(size_t count) {
    std::unique_lock guard{mutex};
    return changed.wait_for(guard, std::chrono::seconds{20},
                            [&] { return events.size() >= count; });
  }
};

} // namespace

TEST_CASE("event store: appends are numbered from 1 and read back", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  auto first = store->append({"acct-1", expected_version::no_stream(), {make("a"), make("b")}});
  REQUIRE(first);
  CHECK(*first == append_result{"acct-1", 2, 2, {"a", "b"}});
  auto other = store->append({"acct-2", expected_version::any(), {make("c")}});
  REQUIRE(other);
  CHECK(*other == append_result{"acct-2", 1, 3, {"c"}});
  auto next = store->append({"acct-1", expected_version::exact(2), {make("d", "[1,2]")}});
  REQUIRE(next);
  CHECK(next->version == 3);
  CHECK(store->head() == 4);
  CHECK(*store->stream_version("acct-1") == 3);
  CHECK(*store->stream_version("acct-9") == 0);
  auto events = store->read("acct-1", 1, 10);
  REQUIRE(events);
  REQUIRE(events->size() == 3);
  CHECK((*events)[2] == recorded_event{"acct-1", 3, 4, "d", "test.event", {5}, "[1,2]", "{}"});
  CHECK(versions(*store->read("acct-1", 2, 1)) == std::vector<uint64_t>{2});
  CHECK(versions(*store->read("acct-1", 0, 2, true)) == std::vector<uint64_t>{3, 2});
  CHECK(versions(*store->read("acct-1", 2, 10, true)) == std::vector<uint64_t>{2, 1});
  CHECK(store->read("acct-1", 4, 10)->empty());
  CHECK(store->read_all(2, 10)->size() == 3);
}

TEST_CASE("event store: a conflict names both versions", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  auto attempt = [&](expected_version expected, const std::string& id) {
    auto out = store->append({"s", expected, {make(id)}});
    return out ? std::string{"fine"}
               : std::string{to_string(out.error().code)} + ": " + out.error().message;
  };
  CHECK(attempt(expected_version::stream_exists(), "x1")
        == "conflict: stream 's' does not exist, expected stream_exists");
  CHECK(attempt(expected_version::exact(1), "x2")
        == "conflict: stream 's' does not exist, expected version 1");
  CHECK(attempt(expected_version::exact(0), "x3") == "fine");
  CHECK(attempt(expected_version::no_stream(), "x4")
        == "conflict: stream 's' has version 1, expected no_stream");
  CHECK(attempt(expected_version::exact(7), "x5")
        == "conflict: stream 's' has version 1, expected version 7");
  CHECK(attempt(expected_version::stream_exists(), "x6") == "fine");
  CHECK(*store->stream_version("s") == 2);
}

TEST_CASE("event store: the same append again is answered as the first time", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  append_request request{"s", expected_version::no_stream(), {make("a"), make("b")}};
  auto first = store->append(request);
  REQUIRE(first);
  REQUIRE(store->append({"s", expected_version::any(), {make("c")}}));
  CHECK(*store->append(request) == *first);
  request.expected = expected_version::any();
  CHECK(*store->append(request) == *first);
  CHECK(*store->stream_version("s") == 3);
  SECTION("but an id belongs to one event") {
    auto code = [&](const append_request& x) {
      auto out = store->append(x);
      return out ? errc::none : out.error().code;
    };
    CHECK(code({"t", expected_version::any(), {make("a")}}) == errc::conflict);
    CHECK(code({"s", expected_version::any(), {make("a", "2")}}) == errc::conflict);
    CHECK(code({"s", expected_version::any(), {make("a"), make("c")}}) == errc::conflict);
    CHECK(code({"s", expected_version::any(), {make("c"), make("new")}}) == errc::conflict);
    CHECK(code({"s", expected_version::any(), {make("new"), make("c")}}) == errc::conflict);
    CHECK(*store->stream_version("t") == 0);
    CHECK(*store->stream_version("s") == 3);
  }
}

TEST_CASE("event store: bad requests are refused with the place", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  auto failure = [&](append_request x) {
    auto out = store->append(std::move(x));
    REQUIRE_FALSE(out);
    return out.error();
  };
  CHECK(failure({"", {}, {make("a")}}).at == "/stream");
  CHECK(failure({"a b", {}, {make("a")}}).at == "/stream");
  CHECK(failure({"alpha:s", {}, {make("a")}}).code == errc::invalid_value);
  CHECK(failure({std::string(256, 'x'), {}, {make("a")}}).at == "/stream");
  CHECK(failure({"s", {}, {}}).at == "/events");
  CHECK(failure({"s", {}, std::vector<new_event>(1001, make(""))}).at == "/events");
  CHECK(failure({"s", {}, {make("a"), make("a")}}).at == "/events/1/id");
  CHECK(failure({"s", {}, {make("a", "{")}}).code == errc::invalid_json);
  CHECK(failure({"s", {}, {make("a", "")}}).at == "/events/0/data");
  CHECK(failure({"s", {}, {make("a", "1 2")}}).code == errc::invalid_json);
  CHECK(failure({"s", {}, {make("a", '"' + std::string(event_bytes_max, 'x') + '"')}}).code
        == errc::too_large);
  auto no_type = make("a");
  no_type.type.clear();
  CHECK(failure({"s", {}, {no_type}}).code == errc::missing_field);
  auto list = make("a");
  list.metadata = "[]";
  CHECK(failure({"s", {}, {list}}).at == "/events/0/metadata");
  CHECK(store->read("s", 1, 10).error().code == errc::not_found);
  CHECK(store->read("s", 1, 0).error().code == errc::out_of_range);
  CHECK(store->read("s", 1, 10'001).error().code == errc::out_of_range);
}

TEST_CASE("event store: eight threads share commits and lose nothing", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  constexpr int threads = 8, each = 500;
  std::vector<std::thread> workers;
  std::atomic<int> failures = 0, conflicts = 0;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      for (int i = 0; i < each; ++i) {
        auto id = std::to_string(t) + "-" + std::to_string(i);
        auto own = store->append({"own-" + std::to_string(t),
                                  expected_version::exact(static_cast<uint64_t>(i)),
                                  {make(id)}});
        if (!own)
          ++failures;
        // All threads race for one stream: each version is won once.
        auto version = *store->stream_version("shared");
        auto race = store->append({"shared", expected_version::exact(version), {make("r" + id)}});
        if (!race && race.error().code == errc::conflict)
          ++conflicts;
        else if (!race)
          ++failures;
      }
    });
  for (auto& x : workers)
    x.join();
  CHECK(failures == 0);
  CHECK(*store->stream_version("shared") == static_cast<uint64_t>(threads * each - conflicts));
  auto all = store->read_all(1, 10'000);
  REQUIRE(all);
  CHECK(all->size() == static_cast<size_t>(2 * threads * each - conflicts));
  for (size_t i = 0; i < all->size(); ++i)
    REQUIRE((*all)[i].position == i + 1);
  auto health = store->health();
  CHECK(health.commits < health.jobs);
}

TEST_CASE("event store: a tail catches up and lives on without a gap", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  auto append = [&](const std::string& stream, int count) {
    for (int i = 0; i < count; ++i)
      if (auto done = store->append({stream, {}, {make("")}}); !done)
        throw std::runtime_error(
          to_string(done.error())); // Assertions are for the test's own thread.
  };
  append("a", 300);
  append("b", 10);
  collector all, some, fresh, late;
  std::thread writer{[&] { append("a", 300); }};
  auto from = store->tail({}, all.callback());
  auto only = store->tail({.after = 302, .stream = "b"}, some.callback());
  auto later = store->tail({.stream = "later"}, late.callback());
  writer.join();
  auto end = store->tail({.from_end = true}, fresh.callback());
  REQUIRE((from && only && end && later));
  append("b", 5);
  append("later", 2);
  REQUIRE(all.wait_for(617));
  REQUIRE(some.wait_for(13));
  REQUIRE(fresh.wait_for(7));
  REQUIRE(late.wait_for(2));
  for (size_t i = 0; i < 617; ++i)
    REQUIRE(all.events[i].position == i + 1);
  CHECK((*from)->position() == 617);
  for (size_t i = 0; i < 13; ++i)
    CHECK(some.events[i].version == i + 3);
  CHECK(fresh.events[0].position == 611);
  CHECK(store->tail({.stream = "a b"}, all.callback()).error().code == errc::invalid_value);
  only->reset();
  append("b", 1);
  REQUIRE(all.wait_for(618));
  CHECK(some.events.size() == 13);
}

TEST_CASE("event store: followers are bounded and may end themselves", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  std::vector<std::unique_ptr<event_subscription>> tails;
  for (int i = 0; i < 64; ++i)
    tails.push_back(std::move(*store->tail({}, [](auto) {})));
  auto refused = store->tail({}, [](auto) {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::rate_limited);
  tails.clear();
  std::promise<void> ended;
  std::unique_ptr<event_subscription> own;
  std::promise<void> assigned;
  auto ready = assigned.get_future().share();
  own = std::move(*store->tail({}, [&, ready](auto) {
    ready.wait();
    own.reset();
    ended.set_value();
  }));
  assigned.set_value();
  REQUIRE(store->append({"s", {}, {make("")}}));
  ended.get_future().wait();
}

TEST_CASE("event store: tells whether a stream has an id", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  auto contains = [&](const std::string& stream, const std::string& id) {
    std::promise<result<bool>> answer;
    store->contains(stream, id, [&](result<bool> x) { answer.set_value(std::move(x)); });
    return answer.get_future().get();
  };
  CHECK(*contains("s", "a") == false);
  // One that is on its way is seen.
  store->append({"s", expected_version::any(), {make("a")}}, [](auto) {});
  CHECK(*contains("s", "a") == true);
  CHECK(*contains("s", "b") == false);
  CHECK(*contains("t", "a") == false);
  CHECK(contains("", "a").error().code == errc::invalid_value);
}

TEST_CASE("event store: of first appends that race one wins", "[store][contract]") {
  contract_store place;
  auto one = place.open(), other = place.open_again();
  constexpr int threads = 8;
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> won = 0, lost = 0;
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t)
      workers.emplace_back([&, t] {
        auto& store = t % 2 == 0 ? *one : *other;
        auto x = store.append({"new-" + std::to_string(round),
                               expected_version::no_stream(),
                               {make(std::to_string(round) + "." + std::to_string(t))}});
        if (x)
          ++won;
        else if (x.error().code == errc::conflict)
          ++lost;
      });
    for (auto& x : workers)
      x.join();
    REQUIRE(won == 1);
    REQUIRE(lost == threads - 1);
  }
}

TEST_CASE("event store: reads all streams by category, type and time", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  auto put = [&](const std::string& stream, const std::string& type, int64_t time) {
    REQUIRE(store->append({stream, {}, {{.type = type, .time = {time}}}}));
  };
  put("acct-1", "opened", 10);
  put("acct-2", "opened", 20);
  put("order-1", "placed", 30);
  put("acct-1", "closed", 40);
  put("acct", "opened", 50);
  put("acct_x-1", "opened", 60);
  auto positions = [&](read_all_request x) {
    std::vector<uint64_t> out;
    auto events = store->read_all(x);
    REQUIRE(events);
    for (auto& e : *events)
      out.push_back(e.position);
    return out;
  };
  using list = std::vector<uint64_t>;
  CHECK(positions({.filter = {.category = "acct"}}) == list{1, 2, 4, 5});
  CHECK(positions({.from = 2, .limit = 2, .filter = {.category = "acct"}}) == list{2, 4});
  CHECK(positions({.filter = {.types = {"placed", "closed"}}}) == list{3, 4});
  CHECK(positions({.filter = {.category = "acct", .types = {"opened"}}}) == list{1, 2, 5});
  CHECK(positions({.filter = {.since = instant{20}, .until = instant{40}}}) == list{2, 3});
  CHECK(positions({.filter = {.since = instant{41}}}) == list{5, 6});
  CHECK(positions({.limit = 2, .backwards = true}) == list{6, 5});
  CHECK(positions({.from = 3, .backwards = true, .filter = {.category = "acct"}}) == list{2, 1});
  CHECK(positions({.filter = {.category = "none"}}).empty());
  auto refused = [&](event_filter x) {
    auto out = store->read_all({.filter = std::move(x)});
    REQUIRE_FALSE(out);
    return out.error().at;
  };
  CHECK(refused({.category = "acct-1"}) == "/category");
  CHECK(refused({.category = "a b"}) == "/category");
  CHECK(refused({.types = {""}}) == "/types");
  CHECK(refused({.types = std::vector<std::string>(17, "x")}) == "/types");
  CHECK(refused({.since = instant{5}, .until = instant{5}}) == "/until");
}

TEST_CASE("event store: lists streams by prefix and page", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  for (auto name : {"b-2", "a", "b-10", "b_1", "B-1", "b-1"})
    REQUIRE(store->append({name, {}, {make("")}}));
  REQUIRE(store->append({"b-1", {}, {make("")}}));
  auto names = [&](std::string_view prefix, std::string_view after, size_t limit) {
    std::string out;
    auto streams = store->streams(prefix, after, limit);
    REQUIRE(streams);
    for (auto& x : *streams)
      out += x.name + " ";
    return out;
  };
  CHECK(names("", "", 10) == "B-1 a b-1 b-10 b-2 b_1 ");
  CHECK(names("b-", "", 10) == "b-1 b-10 b-2 ");
  CHECK(names("b-", "b-1", 1) == "b-10 ");
  CHECK(names("b-", "b-2", 10) == "");
  CHECK(names("", "b-10", 10) == "b-2 b_1 ");
  CHECK(*store->find("b-1") == stream_info{"b-1", 2, 1});
  CHECK(store->find("none").error().code == errc::not_found);
  CHECK(store->streams("", "", 0).error().code == errc::out_of_range);
}

TEST_CASE("event store: truncates a stream and goes on behind it", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  for (auto id : {"a", "b", "c", "d"})
    REQUIRE(store->append({"s", {}, {make(id)}}));
  REQUIRE(store->truncate("s", 3));
  CHECK(versions(*store->read("s", 1, 10)) == std::vector<uint64_t>{3, 4});
  CHECK(*store->find("s") == stream_info{"s", 4, 3});
  REQUIRE(store->truncate("s", 2));
  CHECK(store->find("s")->first_version == 3);
  // All of it: the newest position went, and is not given again.
  REQUIRE(store->truncate("s", 5));
  CHECK(store->read("s", 1, 10)->empty());
  CHECK(*store->stream_version("s") == 4);
  auto next = store->append({"s", expected_version::exact(4), {make("e")}});
  REQUIRE(next);
  CHECK(*next == append_result{"s", 5, 5, {"e"}});
  CHECK(store->head() == 5);
  CHECK(store->truncate("none", 1).error().code == errc::not_found);
  CHECK(store->truncate("s", 7).error().code == errc::out_of_range);
  CHECK(store->truncate("s", 0).error().at == "/before");
  CHECK(store->truncate("a b", 1).error().code == errc::invalid_value);
}

TEST_CASE("event store: a removed stream is as if it had never been", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  REQUIRE(store->append({"s", {}, {make("a"), make("b")}}));
  REQUIRE(store->save({.stream = "s", .version = 2, .type = "t", .data = "1"}));
  auto refused = store->remove_stream("s", expected_version::exact(1));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().message == "stream 's' has version 2, expected version 1");
  REQUIRE(store->remove_stream("s", expected_version::exact(2)));
  CHECK(store->read("s", 1, 10).error().code == errc::not_found);
  CHECK(store->remove_stream("s").error().code == errc::not_found);
  CHECK(*store->stream_version("s") == 0);
  CHECK_FALSE(store->load("s")->has_value());
  CHECK(store->streams("", "", 10)->empty());
  CHECK(store->append({"s", expected_version::stream_exists(), {make("c")}}).error().code
        == errc::conflict);
  CHECK(store->append({"s", expected_version::exact(2), {make("c")}}).error().message
        == "stream 's' does not exist, expected version 2");
  // Who follows versions sees none twice.
  auto next = store->append({"s", expected_version::no_stream(), {make("c")}});
  REQUIRE(next);
  CHECK(*next == append_result{"s", 3, 3, {"c"}});
  CHECK(*store->find("s") == stream_info{"s", 3, 3});
}

TEST_CASE("event store: keeps the newest snapshot of a stream", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  REQUIRE(store->append({"s", {}, {make("a"), make("b"), make("c")}}));
  CHECK_FALSE(store->load("s")->has_value());
  snapshot second{.stream = "s", .version = 2, .type = "bank/1", .data = R"({"n":2})", .time = {7}};
  REQUIRE(store->save(second));
  CHECK(**store->load("s") == second);
  // One that comes late does not take the newer one's place.
  REQUIRE(store->save({.stream = "s", .version = 1, .type = "bank/1", .data = "1"}));
  CHECK((*store->load("s"))->version == 2);
  REQUIRE(store->save({.stream = "s", .version = 3, .type = "bank/2", .data = "3"}));
  CHECK((*store->load("s"))->type == "bank/2");
  REQUIRE(store->truncate("s", 4));
  CHECK((*store->load("s"))->version == 3);
  auto refused = [&](snapshot x) {
    auto out = store->save(std::move(x));
    REQUIRE_FALSE(out);
    return std::pair{out.error().code, out.error().at};
  };
  using pair = std::pair<errc, std::string>;
  CHECK(refused({"s", 4, "t", "1", {}}) == pair{errc::out_of_range, "/version"});
  CHECK(refused({"s", 0, "t", "1", {}}) == pair{errc::invalid_value, "/version"});
  CHECK(refused({"s", 1, "", "1", {}}) == pair{errc::invalid_value, "/type"});
  CHECK(refused({"s", 1, "t", "{", {}}).first == errc::invalid_json);
  CHECK(refused({"x", 1, "t", "1", {}}) == pair{errc::not_found, "/stream"});
}

TEST_CASE("event store: a filtered tail hands over what it asks for", "[store][contract]") {
  contract_store place;
  auto store = place.open();
  collector some;
  for (int i = 0; i < 300; ++i)
    REQUIRE(store->append({"noise", {}, {make("")}}));
  REQUIRE(store->append({"acct-1", {}, {make("a1")}}));
  auto tail = store->tail({.filter = {.category = "acct"}}, some.callback());
  REQUIRE(tail);
  REQUIRE(store->append({"noise", {}, {make("")}}));
  REQUIRE(store->append({"acct-2", {}, {make("a2")}}));
  REQUIRE(some.wait_for(2));
  CHECK(some.events[0].id == "a1");
  CHECK(some.events[1].id == "a2");
  auto both = store->tail({.stream = "acct-1", .filter = {.category = "acct"}}, some.callback());
  CHECK(both.error().at == "/filter");
}

TEST_CASE("event store: nobody who follows misses or repeats what commits beside it",
          "[store][contract]") {
  contract_store place;
  auto one = place.open(), other = place.open_again();
  collector seen;
  auto tail = one->tail({}, seen.callback());
  REQUIRE(tail);
  constexpr int threads = 6, each = 60;
  std::atomic<int> failures = 0;
  std::vector<std::thread> workers;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      auto& store = t % 2 == 0 ? *one : *other;
      for (int i = 0; i < each; ++i) {
        // Large ones take longer to commit than small ones.
        std::vector<new_event> events(static_cast<size_t>(i % 7 == 0 ? 40 : 1));
        for (auto& x : events)
          x = make("", i % 7 == 0 ? '"' + std::string(2000, 'x') + '"' : "1");
        if (!store.append({"s-" + std::to_string(t), {}, events}))
          ++failures;
      }
    });
  for (auto& x : workers)
    x.join();
  CHECK(failures == 0);
  auto total = one->read_all({.from = 0, .limit = 10'000})->size();
  REQUIRE(seen.wait_for(total));
  for (size_t i = 0; i < total; ++i)
    REQUIRE(seen.events[i].position == i + 1);
}
