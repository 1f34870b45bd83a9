#include "runtime/events/consumer_marks.hpp"

#include "runtime/events/schemas.hpp"
#include "runtime/events/testing.hpp"

#include <array>

using namespace coppice;
using namespace coppice::events;
using coppice::testing::eventually;
using coppice::testing::open_sqlite;
using events::detail::known_marks;

namespace {

std::string id_of(int i) {
  return "event-" + std::to_string(i);
}

/// As a consumer does it: in one job, together with what memory knows.
void make(const std::shared_ptr<store::sqlite_file>& file, known_marks& marks,
          const std::string& consumer, int from, int to) {
  REQUIRE(file->run([&](store::database& db) -> result<void> {
    std::vector<std::string> ids;
    for (int i = from; i < to; ++i)
      ids.push_back(id_of(i));
    std::vector<uint64_t> hashes;
    for (const auto& id : ids)
      hashes.push_back(events::detail::mark_hash(id));
    marks.add(hashes);
    std::vector<std::string_view> views{ids.begin(), ids.end()};
    return events::detail::insert_marks(db, consumer, views);
  }));
}

int suspects(const known_marks& marks, int from, int to) {
  int out = 0;
  known_marks::view now{marks};
  for (int i = from; i < to; ++i)
    out += now.may_have(events::detail::mark_hash(id_of(i))) ? 1 : 0;
  return out;
}

std::shared_ptr<store::sqlite_file> open_marks(const std::string& path) {
  auto file = open_sqlite(path);
  REQUIRE(file->migrate(consumer_marks_schema()));
  return file;
}

} // namespace

TEST_CASE("consumer marks: any number is inserted, and what is there stays", "[events]") {
  testing::temp_folder folder;
  auto file = open_marks(folder / "m.db");
  known_marks marks{"S/c", 1000};
  make(file, marks, "S/c", 0, 77);
  make(file, marks, "S/c", 50, 130);
  make(file, marks, "S/other", 0, 3);
  make(file, marks, "S/c", 0, 0);
  REQUIRE(file->run([](store::database& db) -> result<void> {
    auto count = db.prepare("SELECT count(*) FROM consumer_marks WHERE consumer = 'S/c'");
    REQUIRE(*count->step());
    CHECK(count->integer(0) == 130);
    CHECK(*events::detail::has_mark(db, "S/c", id_of(129)));
    CHECK_FALSE(*events::detail::has_mark(db, "S/c", id_of(130)));
    CHECK_FALSE(*events::detail::has_mark(db, "S/other", id_of(3)));
    CHECK_FALSE(*events::detail::insert_mark(db, "S/other", id_of(2)));
    CHECK(*events::detail::insert_mark(db, "S/other", id_of(3)));
    REQUIRE(events::detail::prune_marks(db, 100));
    CHECK_FALSE(*events::detail::has_mark(db, "S/c", id_of(33)));
    CHECK(*events::detail::has_mark(db, "S/c", id_of(34)));
    return {};
  }));
}

TEST_CASE("consumer marks: memory knows all of the file before it denies one", "[events]") {
  testing::temp_folder folder;
  auto file = open_marks(folder / "m.db");
  known_marks before{"", 1};
  make(file, before, "S/c", 0, 45'000);
  make(file, before, "S/other", 45'000, 50'000);
  auto marks = known_marks::of(*file, "S/c", 1'000'000);
  CHECK(suspects(*marks, 50'000, 50'100) == 100);
  marks->read(file);
  // While they are read, others are made.
  make(file, *marks, "S/c", 60'000, 61'000);
  REQUIRE(eventually([&] { return suspects(*marks, 70'000, 70'100) < 5; }));
  make(file, *marks, "S/c", 61'000, 62'000);
  CHECK(suspects(*marks, 0, 45'000) == 45'000);
  CHECK(suspects(*marks, 60'000, 62'000) == 2000);
  CHECK(suspects(*marks, 45'000, 50'000) < 250);
  // Whoever comes meanwhile shares it; who comes later reads the file.
  CHECK(known_marks::of(*file, "S/c", 1) == marks);
  CHECK(known_marks::of(*open_sqlite(folder / "./m.db"), "S/c", 1) == marks);
  CHECK(known_marks::of(*file, "S/other", 1) != marks);
  marks.reset();
  auto again = known_marks::of(*file, "S/c", 1'000'000);
  CHECK(suspects(*again, 70'000, 70'100) == 100);
  again->read(file);
  REQUIRE(eventually([&] { return suspects(*again, 70'000, 70'100) < 5; }));
  CHECK(suspects(*again, 0, 45'000) == 45'000);
  CHECK(suspects(*again, 60'000, 62'000) == 2000);
}

TEST_CASE("consumer marks: a mark that was rolled back and made again is known", "[events]") {
  testing::temp_folder folder;
  auto file = open_marks(folder / "m.db");
  auto marks = known_marks::of(*file, "S/c", 1000);
  std::array hash{events::detail::mark_hash("late")};
  auto refused = file->run([&](store::database& db) -> result<void> {
    marks->add(hash);
    if (auto ok = events::detail::insert_mark(db, "S/c", "late"); !ok)
      return ok.error();
    return error{errc::storage, "not now"};
  });
  CHECK_FALSE(refused);
  marks->read(file);
  REQUIRE(eventually([&] { return suspects(*marks, 0, 100) < 5; }));
  REQUIRE(file->run([&](store::database& db) -> result<void> {
    marks->add(hash);
    auto ok = events::detail::insert_mark(db, "S/c", "late");
    return ok ? result<void>{} : result<void>{ok.error()};
  }));
  known_marks::view now{*marks};
  CHECK(now.may_have(hash[0]));
}

TEST_CASE("consumer marks: a file that does not answer leaves every mark possible", "[events]") {
  testing::temp_folder folder;
  auto file = open_marks(folder / "m.db");
  auto marks = known_marks::of(*file, "S/c", 1000);
  REQUIRE(file->run([](auto& db) { return db.execute("ALTER TABLE consumer_marks RENAME TO x"); }));
  marks->read(file);
  REQUIRE(file->run([](auto& db) { return db.execute("ALTER TABLE x RENAME TO consumer_marks"); }));
  CHECK(suspects(*marks, 0, 100) == 100);
  marks->read(file);
  CHECK(eventually([&] { return suspects(*marks, 0, 100) < 5; }));
}
