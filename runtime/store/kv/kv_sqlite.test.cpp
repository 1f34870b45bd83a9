#include "runtime/base/prng.hpp"
#include "runtime/store/event_store.hpp"
#include "runtime/store/kv/kv_backends.test.hpp"
#include "runtime/store/kv/kv_rows.hpp"

#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <sstream>
#include <thread>

using namespace coppice;
using namespace coppice::kv;
using namespace coppice::kv::testing;
using coppice::testing::temp_folder;

namespace {

int64_t number(store::sqlite_file& file, const std::string& sql) {
  int64_t out = -1;
  REQUIRE(file.read([&](store::database& db) -> result<void> {
    auto query = db.prepare(sql);
    if (!query)
      return query.error();
    if (auto row = query->step(); !row)
      return row.error();
    out = query->integer(0);
    return {};
  }));
  return out;
}

} // namespace

TEST_CASE("kv sqlite: the embedded texts are those in schemas/sql", "[kv]") {
  auto folder = std::string{COPPICE_SOURCE_DIR} + "/schemas/sql/kv";
  for (const auto& step : kv_schema().steps) {
    std::ifstream in(folder + "/" + std::string{step.name});
    std::stringstream text;
    text << in.rdbuf();
    CHECK(text.str() == step.sql);
  }
  size_t files = 0;
  for (const auto& x : std::filesystem::directory_iterator(folder))
    files += x.path().extension() == ".sql" ? 1 : 0;
  CHECK(files == kv_schema().steps.size());
}

TEST_CASE("kv sqlite: a file of a newer version is refused", "[kv]") {
  temp_folder folder;
  open_backend("sqlite", folder / "kv.db", {});
  {
    auto db = store::database::open({.path = folder / "kv.db"});
    REQUIRE(db->execute("INSERT INTO schema_versions VALUES ('kv', 99, 'x', 'x')"));
  }
  auto file = store::sqlite_file::open({.path = folder / "kv.db"});
  REQUIRE(file);
  auto store = open_sqlite_store(*file);
  REQUIRE_FALSE(store);
  CHECK(failure(store).starts_with("refused "));
}

TEST_CASE("kv sqlite: a file without its state is an error, not a crash", "[kv]") {
  temp_folder folder;
  auto file = store::sqlite_file::open({.path = folder / "kv.db"});
  REQUIRE(file);
  auto store = open_sqlite_store(*file);
  REQUIRE(store);
  REQUIRE((*store)->put(doc("a")));
  REQUIRE((*file)->run([](store::database& db) { return db.execute("DELETE FROM kv_state"); }));
  CHECK(failure((*store)->put(doc("a"))).starts_with("storage "));
  CHECK(failure((*store)->scan({"test", "", "", 1})).starts_with("storage "));
  CHECK(failure((*store)->changes({})).starts_with("storage "));
  CHECK((*store)->get(key("a"))->has_value());
  CHECK(failure(open_sqlite_store(*file)).starts_with("storage "));
}

TEST_CASE("kv sqlite: a file is shared with the events and their commits", "[kv]") {
  temp_folder folder;
  auto file = store::sqlite_file::open({.path = folder / "kv.db"});
  REQUIRE(file);
  auto events = store::sqlite_event_store::open(*file);
  auto documents = open_sqlite_store(*file);
  REQUIRE((events && documents));
  REQUIRE((*events)->append({"s", {}, {{.type = "test.event"}}}));
  CHECK((*documents)->revision() == 0);
  REQUIRE((*documents)->put(doc("a")));
  CHECK((*documents)->revision() == 1);
  CHECK((*events)->head() == 1);
}

TEST_CASE("kv sqlite: the log in the file is bounded", "[kv]") {
  temp_folder folder;
  auto file = store::sqlite_file::open({.path = folder / "kv.db"});
  REQUIRE(file);
  auto store = open_sqlite_store(*file, {.log = {.changes_max = 20, .bytes_max = 400}});
  REQUIRE(store);
  prng random{11};
  for (int i = 0; i < 100; ++i) {
    std::vector<put_request> some;
    for (uint64_t n = 0; n <= random.below(5); ++n)
      some.push_back(doc(std::to_string(n), '"' + std::string(random.below(40), 'x') + '"'));
    REQUIRE((*store)->set_many(some));
    auto rows = number(**file, "SELECT count(*) FROM kv_log");
    auto bytes = number(**file, "SELECT sum(bytes) FROM kv_log");
    REQUIRE(rows <= 20);
    REQUIRE(bytes <= 400);
    REQUIRE(number(**file, "SELECT log_changes FROM kv_state") == rows);
    REQUIRE(number(**file, "SELECT log_bytes FROM kv_state") == bytes);
    REQUIRE(number(**file, "SELECT (SELECT min(revision) FROM kv_log) - compacted FROM kv_state")
            == 1);
  }
}

TEST_CASE("kv sqlite: a full queue is an answer", "[kv]") {
  temp_folder folder;
  auto file = store::sqlite_file::open({.path = folder / "kv.db", .queue_max = 4});
  REQUIRE(file);
  auto store = open_sqlite_store(*file);
  REQUIRE(store);
  std::promise<void> entered, go;
  REQUIRE((*file)->submit(
    [&](store::database&) -> result<void> {
      entered.set_value();
      go.get_future().wait();
      return {};
    },
    {}));
  entered.get_future().wait();
  std::atomic<int> fine = 0, limited = 0;
  for (int i = 0; i < 10; ++i)
    (*store)->put(doc("a"), [&](result<uint64_t> x) {
      if (x)
        ++fine;
      else if (x.error().code == errc::rate_limited)
        ++limited;
    });
  CHECK(limited == 6);
  go.set_value();
  (*file)->close();
  CHECK(fine == 4);
  CHECK(failure((*store)->put(doc("a"))).starts_with("refused "));
}

TEST_CASE("kv sqlite: a job that fails leaves nothing behind", "[kv]") {
  temp_folder folder;
  auto file = store::sqlite_file::open({.path = folder / "kv.db"});
  REQUIRE(file);
  auto store = open_sqlite_store(*file);
  REQUIRE(store);
  REQUIRE((*store)->put(doc("a")));
  // The second operation cannot be logged.
  REQUIRE((*file)->run([](store::database& db) {
    return db.execute("CREATE TRIGGER no_b BEFORE INSERT ON kv_log WHEN NEW.key = 'b' "
                      "BEGIN SELECT RAISE(FAIL, 'no'); END");
  }));
  CHECK(failure((*store)->set_many({doc("a", "2"), doc("b")})).starts_with("storage "));
  CHECK((*store)->get(key("a"))->value() == entry{key("a"), "1", 1, {}});
  CHECK(number(**file, "SELECT count(*) FROM kv_log") == 1);
  CHECK((*store)->revision() == 1);
  CHECK(*(*store)->put(doc("c")) == 2);
}

TEST_CASE("kv sqlite child: write until killed", "[.][child]") {
  auto* path = std::getenv("COPPICE_TEST_FILE");
  REQUIRE(path != nullptr);
  auto store = open_backend("sqlite", path, {.log = {.changes_max = 500}});
  std::vector<std::thread> workers;
  for (int t = 0; t < 4; ++t)
    workers.emplace_back([&, t] {
      auto name = std::to_string(t);
      auto last = store->get(key("a" + name));
      auto count = last && *last ? std::stoi((*last)->value) : 0;
      while (true) {
        auto value = std::to_string(++count);
        auto done = store->transact(
          {{},
           {operation::put(doc("a" + name, value)), operation::put(doc("b" + name, value)),
            operation::remove(key("none"))}});
        if (done && !done->failed)
          coppice::testing::tell_parent(name + " " + value + " " + std::to_string(done->revision));
      }
    });
  for (auto& x : workers)
    x.join();
}

TEST_CASE("kv sqlite: after kill -9 every acknowledged write is there, whole", "[kv]") {
  temp_folder folder;
  prng random{7};
  std::map<std::string, std::pair<int, uint64_t>> acknowledged;
  uint64_t lines = 0, newest = 0;
  for (int round = 0; round < 5; ++round) {
    coppice::testing::child_program child{"kv sqlite child: write until killed",
                                          {{"COPPICE_TEST_FILE", folder / "kv.db"}}};
    auto note = [&](const std::string& line) {
      std::istringstream in{line};
      std::string name;
      int value = 0;
      uint64_t revision = 0;
      in >> name >> value >> revision;
      REQUIRE(acknowledged[name].first < value);
      acknowledged[name] = {value, revision};
      newest = std::max(newest, revision);
      ++lines;
    };
    std::string line;
    for (auto until = 20 + random.below(400); until > 0; --until) {
      REQUIRE(child.next_line(line));
      note(line);
    }
    child.kill();
    while (child.next_line(line))
      note(line);
    auto file = store::sqlite_file::open({.path = folder / "kv.db"});
    REQUIRE(file);
    auto store = open_sqlite_store(*file);
    REQUIRE(store);
    CHECK((*store)->revision() >= newest);
    for (const auto& [name, told] : acknowledged) {
      auto pair = (*store)->get_many({key("a" + name), key("b" + name)});
      REQUIRE(pair);
      REQUIRE(((*pair)[0] && (*pair)[1]));
      CHECK((*pair)[0]->value == (*pair)[1]->value);
      CHECK((*pair)[0]->revision == (*pair)[1]->revision);
      CHECK(std::stoi((*pair)[0]->value) >= told.first);
      CHECK((*pair)[0]->revision >= told.second);
    }
    // The log's end is the store's: a transaction is in both or in neither.
    CHECK(number(**file, "SELECT max(revision) FROM kv_log")
          == static_cast<int64_t>((*store)->revision()));
    CHECK(number(**file, "SELECT count(*) - max(log_changes) FROM kv_log, kv_state") == 0);
    CHECK(number(**file, "SELECT count(*) FROM kv_log") <= 500);
  }
  CHECK(lines > 100);
}
