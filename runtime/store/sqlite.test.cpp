#include "runtime/store/schemas.hpp"
#include "runtime/store/sqlite_file.hpp"
#include "runtime/store/testing.hpp"

#include <catch2/catch_test_macros.hpp>
#include <sqlite3.h>

#include <cerrno>
#include <fstream>
#include <future>
#include <sstream>
#include <sys/stat.h>
#include <thread>
#include <unistd.h>

using namespace coppice;
using namespace coppice::store;
using coppice::testing::temp_folder;

namespace {

constexpr migration one_step[] = {{1, "0001_a.sql", "CREATE TABLE a (x INTEGER NOT NULL)"}};
constexpr migration two_steps[] = {{1, "0001_a.sql", "CREATE TABLE a (x INTEGER NOT NULL)"},
                                   {2, "0002_b.sql", "CREATE TABLE b (x INTEGER NOT NULL)"}};
constexpr schema first{"test", one_step};
constexpr schema second{"test", two_steps};

std::shared_ptr<sqlite_file> open_file(const std::string& path, size_t queue_max = 1000) {
  auto file = sqlite_file::open({.path = path, .queue_max = queue_max});
  REQUIRE(file);
  REQUIRE((*file)->migrate(first));
  return *file;
}

sqlite_file::work insert(int64_t x) {
  return [x](database& db) -> result<void> {
    auto prepared = db.cached("INSERT INTO a VALUES (?)");
    if (!prepared)
      return prepared.error();
    return (*prepared)->bind(1, x).run();
  };
}

int64_t count(sqlite_file& file) {
  int64_t out = -1;
  REQUIRE(file.read([&out](database& db) -> result<void> {
    auto query = db.prepare("SELECT count(*) FROM a");
    if (!query)
      return query.error();
    if (auto row = query->step(); !row)
      return row.error();
    out = query->integer(0);
    return {};
  }));
  return out;
}

void compare_with_files(const schema& x) {
  for (const auto& step : x.steps) {
    auto path = std::string{COPPICE_SOURCE_DIR} + "/schemas/sql/" + std::string{x.name} + "/"
                + std::string{step.name};
    std::ifstream in(path);
    std::stringstream text;
    text << in.rdbuf();
    INFO(path);
    CHECK(text.str() == step.sql);
  }
  size_t files = 0;
  auto folder = std::string{COPPICE_SOURCE_DIR} + "/schemas/sql/" + std::string{x.name};
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    files += entry.path().extension() == ".sql" ? 1 : 0;
  CHECK(files == x.steps.size());
}

} // namespace

TEST_CASE("sqlite: WAL, full synchronisation and foreign keys are on", "[store]") {
  temp_folder folder;
  auto db = database::open({.path = folder / "a.db"});
  REQUIRE(db);
  auto setting = [&](const std::string& name) {
    auto query = db->prepare("PRAGMA " + name);
    REQUIRE(query);
    REQUIRE(*query->step());
    return query->text(0);
  };
  CHECK(setting("journal_mode") == "wal");
  CHECK(setting("synchronous") == "2");
  CHECK(setting("foreign_keys") == "1");
}

TEST_CASE("sqlite: texts with zero bytes and empty texts come back as they were", "[store]") {
  temp_folder folder;
  auto db = database::open({.path = folder / "a.db"});
  REQUIRE(db);
  REQUIRE(db->execute("CREATE TABLE t (x TEXT NOT NULL)"));
  auto insert = db->prepare("INSERT INTO t VALUES (?)");
  REQUIRE(insert);
  std::string zero("a\0b", 3);
  REQUIRE(insert->bind(1, zero).run());
  REQUIRE(insert->bind(1, std::string_view{}).run());
  auto query = db->prepare("SELECT x FROM t ORDER BY rowid");
  REQUIRE(query);
  REQUIRE(*query->step());
  CHECK(query->text(0) == zero);
  REQUIRE(*query->step());
  CHECK_FALSE(query->is_null(0));
  CHECK(query->text(0).empty());
}

TEST_CASE("sqlite: a transaction that is not committed leaves nothing", "[store]") {
  temp_folder folder;
  auto db = database::open({.path = folder / "a.db"});
  REQUIRE(db);
  REQUIRE(migrate(*db, first));
  {
    auto change = transaction::begin(*db);
    REQUIRE(change);
    REQUIRE(db->execute("INSERT INTO a VALUES (1)"));
  }
  auto query = db->prepare("SELECT count(*) FROM a");
  REQUIRE(query);
  REQUIRE(*query->step());
  CHECK(query->integer(0) == 0);
}

TEST_CASE("sqlite: migrations run once, in order, and a newer schema is refused", "[store]") {
  temp_folder folder;
  auto db = database::open({.path = folder / "a.db"});
  REQUIRE(db);
  CHECK(*schema_version(*db, "test") == 0);
  REQUIRE(migrate(*db, first));
  REQUIRE(migrate(*db, first));
  CHECK(*schema_version(*db, "test") == 1);
  REQUIRE(migrate(*db, second));
  CHECK(*schema_version(*db, "test") == 2);
  REQUIRE(db->execute("INSERT INTO b VALUES (1)"));
  auto older = migrate(*db, first);
  REQUIRE_FALSE(older);
  CHECK(older.error().code == errc::refused);
  CHECK(older.error().message.find("version 2") != std::string::npos);
  CHECK(older.error().at == folder / "a.db");
}

TEST_CASE("sqlite: a failing migration changes nothing", "[store]") {
  temp_folder folder;
  auto db = database::open({.path = folder / "a.db"});
  REQUIRE(db);
  static constexpr migration bad[] = {{1, "0001_a.sql", "CREATE TABLE a (x)"},
                                      {2, "0002_bad.sql", "CREATE TABLE c (x); CREATE NONSENSE"}};
  auto outcome = migrate(*db, schema{"test", bad});
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error().message.find("0002_bad.sql") != std::string::npos);
  CHECK(*schema_version(*db, "test") == 0);
  REQUIRE(migrate(*db, second));
}

TEST_CASE("sqlite: damaged, foreign and unreachable files are named", "[store]") {
  temp_folder folder;
  SECTION("garbage") {
    std::ofstream(folder / "a.db") << std::string(8192, 'x');
    auto file = sqlite_file::open({.path = folder / "a.db"});
    REQUIRE_FALSE(file);
    CHECK(file.error().code == errc::storage);
    CHECK(file.error().message.find("not an SQLite database") != std::string::npos);
    CHECK(file.error().at == folder / "a.db");
  }
  SECTION("a damaged page") {
    {
      auto file = open_file(folder / "a.db");
      for (int i = 0; i < 1000; ++i)
        REQUIRE(file->submit(insert(i), {}));
    }
    {
      std::fstream damage(folder / "a.db", std::ios::in | std::ios::out | std::ios::binary);
      damage.seekp(100);
      damage << std::string(16384, '\xff');
    }
    auto file = sqlite_file::open({.path = folder / "a.db"});
    auto ok = file ? (*file)->migrate(first) : result<void>{file.error()};
    REQUIRE_FALSE(ok);
    CHECK(ok.error().code == errc::storage);
    CHECK(ok.error().message.find("damaged") != std::string::npos);
  }
  SECTION("a folder that is not there") {
    auto file = sqlite_file::open({.path = folder / "no/a.db"});
    REQUIRE_FALSE(file);
    CHECK(file.error().message.find("cannot be opened") != std::string::npos);
  }
  SECTION("a file in the folder's place") {
    std::ofstream(folder / "file") << "x";
    CHECK_FALSE(sqlite_file::open({.path = folder / "file/a.db"}));
  }
}

TEST_CASE("sqlite: a read-only folder is refused", "[store]") {
  if (::geteuid() == 0)
    SKIP("root may write everywhere");
  temp_folder folder;
  ::chmod(folder.path().c_str(), 0500);
  auto file = sqlite_file::open({.path = folder / "a.db"});
  ::chmod(folder.path().c_str(), 0700);
  REQUIRE_FALSE(file);
  CHECK(file.error().code == errc::storage);
}

TEST_CASE("sqlite: a file that cannot be written is refused", "[store]") {
  auto file = sqlite_file::open({.path = "/proc/coppice.db"});
  REQUIRE_FALSE(file);
  CHECK(file.error().code == errc::storage);
  CHECK(file.error().at == "/proc/coppice.db");
}

TEST_CASE("group commit: jobs share transactions, and one that fails does so alone", "[store]") {
  temp_folder folder;
  auto file = open_file(folder / "a.db");
  std::promise<void> entered, go;
  auto gate = go.get_future().share();
  // While the writer is held, the others gather.
  REQUIRE(file->submit(
    [&entered, gate](database&) -> result<void> {
      entered.set_value();
      gate.wait();
      return {};
    },
    {}));
  entered.get_future().wait();
  std::vector<int> order;
  std::vector<bool> worked;
  for (int i = 0; i < 100; ++i) {
    auto job = insert(i);
    if (i % 10 == 3)
      job = [job](database& db) -> result<void> {
        static_cast<void>(job(db));
        return error{errc::conflict, "no"};
      };
    if (i == 50)
      job = [](database& db) -> result<void> {
        return db.execute("INSERT INTO nowhere VALUES (1)");
      };
    if (i == 51)
      job = [](database&) -> result<void> { throw std::runtime_error{"oops"}; };
    REQUIRE(file->submit(job, [&, i](result<void> x) {
      order.push_back(i);
      worked.push_back(x.has_value());
    }));
  }
  auto before = file->stats().commits;
  go.set_value();
  REQUIRE(file->run([](database&) -> result<void> { return {}; }));
  CHECK(file->stats().commits <= before + 3);
  REQUIRE(order.size() == 100);
  for (int i = 0; i < 100; ++i) {
    CHECK(order[static_cast<size_t>(i)] == i);
    CHECK(worked[static_cast<size_t>(i)] == (i % 10 != 3 && i != 50 && i != 51));
  }
  CHECK(count(*file) == 88);
}

TEST_CASE("group commit: a job that ends the transaction takes nobody with it", "[store]") {
  temp_folder folder;
  auto file = open_file(folder / "a.db");
  std::promise<void> entered, go;
  REQUIRE(file->submit(
    [&entered, &go](database&) -> result<void> {
      entered.set_value();
      go.get_future().wait();
      return {};
    },
    {}));
  entered.get_future().wait();
  std::atomic<int> fine = 0, failed = 0;
  auto tally = [&](result<void> x) { ++(x ? fine : failed); };
  REQUIRE(file->submit(insert(1), tally));
  REQUIRE(file->submit(
    [](database& db) -> result<void> {
      static_cast<void>(db.execute("ROLLBACK"));
      return error{errc::storage, "the transaction is gone"};
    },
    tally));
  REQUIRE(file->submit(insert(2), tally));
  go.set_value();
  REQUIRE(file->run([](database&) -> result<void> { return {}; }));
  CHECK(fine == 2);
  CHECK(failed == 1);
  CHECK(count(*file) == 2);
}

TEST_CASE("group commit: a full queue refuses, and what was taken is done at close", "[store]") {
  temp_folder folder;
  auto file = open_file(folder / "a.db", 10);
  std::promise<void> entered, go;
  REQUIRE(file->submit(
    [&entered, &go](database&) -> result<void> {
      entered.set_value();
      go.get_future().wait();
      return {};
    },
    {}));
  entered.get_future().wait();
  for (int i = 0; i < 10; ++i)
    REQUIRE(file->submit(insert(i), {}));
  auto refused = file->submit(insert(99), {});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::rate_limited);
  go.set_value();
  file->close();
  CHECK(count(*file) == 10);
  auto closed = file->submit(insert(99), {});
  REQUIRE_FALSE(closed);
  CHECK(closed.error().code == errc::refused);
}

TEST_CASE("group commit: the last owner may go away inside a callback", "[store]") {
  temp_folder folder;
  auto file = open_file(folder / "a.db");
  std::promise<void> gone;
  auto* raw = file.get();
  REQUIRE(raw->submit(insert(1), [file, &gone](result<void>) mutable {
    file.reset();
    gone.set_value();
  }));
  file.reset();
  gone.get_future().wait();
}

TEST_CASE("sqlite: a disk that is full from the beginning is said to be full", "[store]") {
  // No write to the index of the log has room, for which SQLite has its code of all disk errors.
  struct full_disk {
    full_disk() { set(reinterpret_cast<sqlite3_syscall_ptr>(&write_none), &pwrite_none); }
    ~full_disk() { set(nullptr, nullptr); }

    static bool has_no_room(int file) {
      char path[4096];
      auto n = ::readlink(("/proc/self/fd/" + std::to_string(file)).c_str(), path, sizeof path);
      return n > 0 && std::string_view{path, static_cast<size_t>(n)}.ends_with("-shm");
    }
    static ssize_t write_none(int file, const void* data, size_t bytes) {
      return has_no_room(file) ? (errno = ENOSPC, -1) : ::write(file, data, bytes);
    }
    static ssize_t pwrite_none(int file, const void* data, size_t bytes, off_t at) {
      return has_no_room(file) ? (errno = ENOSPC, -1) : ::pwrite(file, data, bytes, at);
    }
    static void set(sqlite3_syscall_ptr write, ssize_t (*pwrite)(int, const void*, size_t, off_t)) {
      auto* vfs = sqlite3_vfs_find(nullptr);
      vfs->xSetSystemCall(vfs, "write", write);
      for (const char* name : {"pwrite", "pwrite64"}) // Which of them depends on how it was built.
        vfs->xSetSystemCall(vfs, name, reinterpret_cast<sqlite3_syscall_ptr>(pwrite));
    }
  } until_the_end;
  temp_folder folder;
  auto file = sqlite_file::open({.path = folder / "a.db"});
  auto full = file ? (*file)->migrate(first) : result<void>{file.error()};
  REQUIRE_FALSE(full);
  INFO(full.error().message);
  CHECK(full.error().message.find("the disk is full") == 0);
}

TEST_CASE("sqlite: a disk without room says so, and the file goes on when there is room again",
          "[store]") {
  temp_folder folder;
  auto file = open_file(folder / "a.db");
  // The size limit of the file stands in for the disk's: the database reports both the same way.
  auto pages = [](int64_t limit) {
    return [limit](database& db) -> result<void> {
      return db.execute("PRAGMA max_page_count=" + std::to_string(limit));
    };
  };
  REQUIRE(file->run(pages(20)));
  auto big = [](database& db) -> result<void> {
    return db.execute("INSERT INTO a SELECT zeroblob(1000000)");
  };
  auto full = file->run(big);
  REQUIRE_FALSE(full);
  CHECK(full.error().code == errc::storage);
  CHECK(full.error().message.find("disk is full") != std::string::npos);
  CHECK(file->stats().last_error == full.error().message);
  auto wrong = file->run([](database&) -> result<void> {
    return error{errc::conflict, "not version 3", {}, {}};
  });
  REQUIRE_FALSE(wrong);
  CHECK(file->stats().last_error == full.error().message);
  REQUIRE(file->run(insert(1)));
  CHECK(file->stats().last_error.empty());
  REQUIRE(file->run(pages(100'000)));
  REQUIRE(file->run(big));
  CHECK(count(*file) == 2);
}

TEST_CASE("schemas: the embedded texts are those in schemas/sql", "[store]") {
  compare_with_files(event_store_schema());
  compare_with_files(dead_letters_schema());
  compare_with_files(timeline_schema());
}
