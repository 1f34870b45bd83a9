#include "runtime/store/postgres/event_store.hpp"

#include "runtime/store/postgres/migrate.hpp"
#include "runtime/store/postgres/testing.hpp"

#include <catch2/catch_test_macros.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

using coppice::testing::shared_postgres;

std::shared_ptr<coppice::store::event_store> open_postgres(const std::string& url,
                                                           const std::string& schema) {
  auto out = coppice::postgres::open_event_store({.url = url, .schema = schema});
  REQUIRE(out);
  return *out;
}

/// See event_contract.test.hpp.
class contract_store {
public:
  std::shared_ptr<coppice::store::event_store> open() {
    return open_postgres(shared_postgres().url(), schema_);
  }
  std::shared_ptr<coppice::store::event_store> open_again() { return open(); }

private:
  std::string schema_ = shared_postgres().new_schema();
};

} // namespace

#include "runtime/store/event_contract.test.hpp"

TEST_CASE("postgres: the embedded tables are those in schemas/sql", "[postgres]") {
  namespace fs = std::filesystem;
  auto folder = std::string{COPPICE_SOURCE_DIR} + "/schemas/sql/postgres/event_store";
  size_t files = 0;
  for (const auto& x : postgres::event_store_schema().steps) {
    std::ifstream in{folder + "/" + std::string{x.name}};
    std::ostringstream text;
    text << in.rdbuf();
    INFO(x.name);
    CHECK(text.str() == x.sql);
  }
  for (const auto& x : fs::directory_iterator(folder))
    files += x.path().extension() == ".sql" ? 1 : 0;
  CHECK(files == postgres::event_store_schema().steps.size());
}

TEST_CASE("postgres: tables of a newer program are refused", "[postgres]") {
  auto& server = shared_postgres();
  auto schema = server.new_schema();
  open_postgres(server.url(), schema);
  server.execute("INSERT INTO " + schema + ".schema_versions VALUES ('event_store', 99, 'x')");
  auto refused = postgres::open_event_store({.url = server.url(), .schema = schema});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::refused);
}

TEST_CASE("postgres: wrong settings are refused in words", "[postgres]") {
  auto failure = [](postgres::options x) {
    auto out = postgres::open_event_store(std::move(x));
    REQUIRE_FALSE(out);
    CHECK(out.error().code == errc::invalid_config);
    return out.error().message;
  };
  CHECK(failure({.url = "postgresql://a:b@[x"}).starts_with("this is no connection string"));
  CHECK(failure({.url = "hots=x"}).find("hots") != std::string::npos);
  CHECK(failure({.url = "host=x", .schema = "My Schema"}).find("My Schema") != std::string::npos);
  CHECK(failure({.url = "host=x", .schema = "pg_catalog"}).find("pg_") != std::string::npos);
}

TEST_CASE("postgres: one append's wrong value is not the others' failure", "[postgres]") {
  contract_store place;
  auto store = place.open();
  std::promise<void> last;
  std::atomic<int> fine = 0, wrong = 0;
  constexpr int count = 50;
  for (int i = 0; i < count; ++i)
    // A text with a zero byte cannot be stored there.
    store->append({"s-" + std::to_string(i), {}, {make(i == 7 ? std::string{"a\0b", 3} : "")}},
                  [&](result<append_result> x) {
                    if (!x)
                      CHECK(x.error().code == errc::invalid_value);
                    ++(x ? fine : wrong);
                    if (fine + wrong == count)
                      last.set_value();
                  });
  last.get_future().wait();
  CHECK(wrong == 1);
  CHECK(fine == count - 1);
  CHECK(store->streams("", "", 100)->size() == count - 1);
}
