#include "runtime/store/timeline_store.hpp"
#include "runtime/store/sqlite_file.hpp"
#include "runtime/store/testing.hpp"

#include <catch2/catch_test_macros.hpp>

#include <future>

using namespace coppice;
using namespace coppice::store;
using coppice::testing::temp_folder;

namespace {

std::shared_ptr<sqlite_file> open_file(const temp_folder& folder) {
  auto file = sqlite_file::open({.path = folder / "t.db"});
  REQUIRE(file);
  return *file;
}

std::shared_ptr<timeline_store> open_timeline(const std::shared_ptr<sqlite_file>& file) {
  auto out = timeline_store::open(file);
  REQUIRE(out);
  return *out;
}

timeline_row row(uint64_t number, const std::string& text = "text") {
  return {number, {static_cast<int64_t>(number) * 1'000}, "restart", "/user/a", text, "{}"};
}

std::vector<uint64_t> numbers(timeline_store& from, instant since = {}, size_t limit = 1000) {
  auto rows = from.load(since, limit);
  REQUIRE(rows);
  std::vector<uint64_t> out;
  for (auto& x : *rows)
    out.push_back(x.number);
  return out;
}

} // namespace

TEST_CASE("timeline store: rows come back after the file was opened again", "[store]") {
  temp_folder folder;
  {
    auto file = open_file(folder);
    auto timeline = open_timeline(file);
    timeline->put({1, {42}, "escalation", "/user", "gave up: \"x\"", R"({"a":1})"}, 1);
    timeline->put(row(2), 1);
    REQUIRE(timeline->flush());
    file->close();
  }
  auto timeline = open_timeline(open_file(folder));
  auto rows = timeline->load({}, 10);
  REQUIRE(rows);
  REQUIRE(rows->size() == 2);
  CHECK((*rows)[0] == timeline_row{1, {42}, "escalation", "/user", "gave up: \"x\"", R"({"a":1})"});
  CHECK((*rows)[1] == row(2));
}

TEST_CASE("timeline store: the newest rows, from an instant on, oldest first", "[store]") {
  temp_folder folder;
  auto timeline = open_timeline(open_file(folder));
  for (uint64_t i = 1; i <= 5; ++i)
    timeline->put(row(i), 1);
  REQUIRE(timeline->flush());
  CHECK(numbers(*timeline, {}, 2) == std::vector<uint64_t>{4, 5});
  CHECK(numbers(*timeline, {3'000}) == std::vector<uint64_t>{3, 4, 5});
}

TEST_CASE("timeline store: a row replaces the one with its number, old ones go", "[store]") {
  temp_folder folder;
  auto timeline = open_timeline(open_file(folder));
  for (uint64_t i = 1; i <= 4; ++i)
    timeline->put(row(i), 1);
  REQUIRE(timeline->flush());
  timeline->put(row(4, "with a stack"), 3);
  REQUIRE(timeline->flush());
  CHECK(numbers(*timeline) == std::vector<uint64_t>{3, 4});
  CHECK(timeline->load({}, 1)->front().text == "with a stack");
  // What is too old already when it comes is not kept at all.
  timeline->put(row(2), 3);
  REQUIRE(timeline->flush());
  CHECK(numbers(*timeline) == std::vector<uint64_t>{3, 4});
}

TEST_CASE("timeline store: rows that come during a write share the next one", "[store]") {
  temp_folder folder;
  auto file = open_file(folder);
  auto timeline = open_timeline(file);
  std::promise<void> held;
  std::promise<void> holds;
  REQUIRE(file->submit(
    [&](database&) -> result<void> {
      holds.set_value();
      held.get_future().wait();
      return {};
    },
    {}));
  holds.get_future().wait();
  auto before = file->stats().jobs;
  for (uint64_t i = 1; i <= 500; ++i)
    timeline->put(row(i), 1);
  held.set_value();
  REQUIRE(timeline->flush());
  REQUIRE(file->run([](database&) -> result<void> { return {}; }));
  // The job that held the others, one for all rows, the flush, and at most one more beside it.
  CHECK(file->stats().jobs - before <= 4);
  CHECK(numbers(*timeline).size() == 500);
  CHECK(timeline->stats().written == 500);
}

TEST_CASE("timeline store: too many that wait push out the oldest, counted", "[store]") {
  temp_folder folder;
  auto file = open_file(folder);
  auto timeline = open_timeline(file);
  std::promise<void> held;
  REQUIRE(file->submit(
    [&](database&) -> result<void> {
      held.get_future().wait();
      return {};
    },
    {}));
  for (uint64_t i = 1; i <= timeline_store::waiting_max + 10; ++i)
    timeline->put(row(i), 1);
  held.set_value();
  REQUIRE(timeline->flush());
  CHECK(numbers(*timeline, {}, 20'000).front() == 11);
  CHECK(timeline->stats().dropped == 10);
}

TEST_CASE("timeline store: a closed file refuses without a crash", "[store]") {
  temp_folder folder;
  auto file = open_file(folder);
  auto timeline = open_timeline(file);
  file->close();
  timeline->put(row(1), 1);
  CHECK(timeline->flush().error().code == errc::refused);
}
