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

/// See event_contract.test.hpp.
class contract_store {
public:
  std::shared_ptr<event_store> open() { return store_ = open_store(folder_ / "e.db"); }
  std::shared_ptr<event_store> open_again() { return store_; }

private:
  temp_folder folder_;
  std::shared_ptr<event_store> store_;
};

} // namespace

#include "runtime/store/event_contract.test.hpp"

TEST_CASE("event store: expected versions as people write them", "[store]") {
  CHECK(*parse_expected_version("0") == expected_version::no_stream());
  CHECK(*parse_expected_version("17") == expected_version::exact(17));
  for (auto text : {"any", "no_stream", "stream_exists", "3"})
    CHECK(to_string(*parse_expected_version(text)) == text);
  for (auto text : {"", "-1", "+1", "1x", "ANY", "99999999999999999999"})
    CHECK_FALSE(parse_expected_version(text));
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
