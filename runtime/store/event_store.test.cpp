#include "runtime/store/event_store.hpp"
#include "runtime/base/prng.hpp"
#include "runtime/store/sqlite_file.hpp"
#include "runtime/store/testing.hpp"

#include <catch2/catch_test_macros.hpp>

#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>
#include <set>
#include <stdexcept>
#include <thread>

using namespace coppice;
using namespace coppice::store;
using coppice::testing::temp_folder;

namespace {

std::shared_ptr<sqlite_event_store> open_store(const std::string& path, size_t queue_max = 16'384) {
  auto file = sqlite_file::open({.path = path, .queue_max = queue_max});
  REQUIRE(file);
  auto out = sqlite_event_store::open(*file);
  REQUIRE(out);
  return *out;
}

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

TEST_CASE("event store: appends are numbered from 1 and read back", "[store]") {
  temp_folder folder;
  auto store = open_store(folder / "e.db");
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
  CHECK(store->scope() == store_scope::node);
}

TEST_CASE("event store: a conflict names both versions", "[store]") {
  temp_folder folder;
  auto store = open_store(folder / "e.db");
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

TEST_CASE("event store: the same append again is answered as the first time", "[store]") {
  temp_folder folder;
  auto store = open_store(folder / "e.db");
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

TEST_CASE("event store: bad requests are refused with the place", "[store]") {
  temp_folder folder;
  auto store = open_store(folder / "e.db");
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

TEST_CASE("event store: expected versions as people write them", "[store]") {
  CHECK(*parse_expected_version("0") == expected_version::no_stream());
  CHECK(*parse_expected_version("17") == expected_version::exact(17));
  for (auto text : {"any", "no_stream", "stream_exists", "3"})
    CHECK(to_string(*parse_expected_version(text)) == text);
  for (auto text : {"", "-1", "+1", "1x", "ANY", "99999999999999999999"})
    CHECK_FALSE(parse_expected_version(text));
}

TEST_CASE("event store: eight threads share commits and lose nothing", "[store]") {
  temp_folder folder;
  auto store = open_store(folder / "e.db");
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
  auto stats = store->file()->stats();
  CHECK(stats.commits < stats.jobs);
}

TEST_CASE("event store: a full queue is an answer", "[store]") {
  temp_folder folder;
  auto store = open_store(folder / "e.db", 4);
  std::promise<void> entered, go;
  REQUIRE(store->file()->submit(
    [&](database&) -> result<void> {
      entered.set_value();
      go.get_future().wait();
      return {};
    },
    {}));
  entered.get_future().wait();
  std::atomic<int> fine = 0, limited = 0;
  for (int i = 0; i < 10; ++i)
    store->append({"s", {}, {make("")}}, [&](result<append_result> x) {
      if (x)
        ++fine;
      else if (x.error().code == errc::rate_limited)
        ++limited;
    });
  CHECK(limited == 6);
  go.set_value();
  store->file()->close();
  CHECK(fine == 4);
}

TEST_CASE("event store: a tail catches up and lives on without a gap", "[store]") {
  temp_folder folder;
  auto store = open_store(folder / "e.db");
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

TEST_CASE("event store: followers are bounded and may end themselves", "[store]") {
  temp_folder folder;
  auto store = open_store(folder / "e.db");
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

TEST_CASE("event store: appending within a job commits or fails with it", "[store]") {
  temp_folder folder;
  auto store = open_store(folder / "e.db");
  auto outcome = store->file()->run([&](database& db) -> result<void> {
    auto x = store->append_within(db, {"s", {}, {make("a")}});
    return x ? error{errc::refused, "no"} : x.error();
  });
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().code == errc::refused);
  CHECK(store->head() == 0);
  CHECK(store->file()->run([&](database& db) -> result<void> {
    auto x = store->append_within(db, {"s", {}, {make("a")}});
    return x ? result<void>{} : result<void>{x.error()};
  }));
  CHECK(store->head() == 1);
}

TEST_CASE("event store child: append until killed", "[.][child]") {
  auto* path = std::getenv("COPPICE_TEST_FILE");
  auto* round = std::getenv("COPPICE_TEST_ROUND");
  REQUIRE((path != nullptr && round != nullptr));
  auto store = open_store(path);
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t)
    workers.emplace_back([&, t] {
      for (int i = 0;; ++i) {
        auto id = std::string{round} + "." + std::to_string(t) + "." + std::to_string(i);
        if (store->append({"s-" + std::to_string(t), {}, {make(id)}}))
          testing::tell_parent(id);
      }
    });
  for (auto& x : workers)
    x.join();
}

TEST_CASE("event store: after kill -9 every acknowledged append is there", "[store]") {
  temp_folder folder;
  prng random{7};
  std::set<std::string> acknowledged;
  for (int round = 0; round < 5; ++round) {
    testing::child_program child{
      "event store child: append until killed",
      {{"COPPICE_TEST_FILE", folder / "e.db"}, {"COPPICE_TEST_ROUND", std::to_string(round)}}};
    auto until = 20 + random.below(400);
    std::string line;
    for (uint64_t i = 0; i < until; ++i) {
      REQUIRE(child.next_line(line));
      acknowledged.insert(line);
    }
    child.kill();
    while (child.next_line(line))
      acknowledged.insert(line);
    auto store = open_store(folder / "e.db");
    std::set<std::string> stored;
    for (uint64_t from = 1;;) {
      auto batch = store->read_all(from, 10'000);
      REQUIRE(batch);
      if (batch->empty())
        break;
      for (auto& x : *batch) {
        REQUIRE(x.position == from);
        REQUIRE(stored.insert(x.id).second);
        ++from;
      }
    }
    for (const auto& id : acknowledged)
      REQUIRE(stored.contains(id));
  }
  CHECK(acknowledged.size() > 100);
}

TEST_CASE("event store: a file of a newer version is refused", "[store]") {
  temp_folder folder;
  open_store(folder / "e.db");
  {
    auto db = database::open({.path = folder / "e.db"});
    REQUIRE(db->execute("INSERT INTO schema_versions VALUES ('event_store', 99, 'x', 'x')"));
  }
  auto file = sqlite_file::open({.path = folder / "e.db"});
  REQUIRE(file);
  auto store = sqlite_event_store::open(*file);
  REQUIRE_FALSE(store);
  CHECK(store.error().code == errc::refused);
}

TEST_CASE("event store: tells whether a stream has an id", "[store]") {
  temp_folder folder;
  auto store = open_store(folder / "e.db");
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
