#include "runtime/store/kv/kv_core.hpp"
#include "runtime/store/kv/kv_check_core.hpp"
#include "runtime/store/kv/kv_log_core.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::kv;

namespace {

constexpr instant noon{1'000};

document_key core_key(const std::string& name) {
  return {"n", name};
}

operation core_put(const std::string& name, std::optional<duration> ttl = {}) {
  return operation::put({core_key(name), "1", ttl});
}

change core_change(uint64_t revision, const std::string& name, const std::string& value = "1") {
  return {revision, change_kind::put, core_key(name), value, {}};
}

std::vector<uint64_t> revisions(const std::vector<change>& changes) {
  std::vector<uint64_t> out;
  for (const auto& x : changes)
    out.push_back(x.revision);
  return out;
}

} // namespace

TEST_CASE("kv core: a document is gone at its expiry, not after it", "[kv]") {
  CHECK_FALSE(is_visible({0, {}}, noon));
  CHECK(is_visible({1, {}}, noon));
  CHECK(is_visible({1, instant{1'001}}, noon));
  CHECK_FALSE(is_visible({1, instant{1'000}}, noon));
  CHECK_FALSE(is_visible({1, instant{999}}, noon));
}

TEST_CASE("kv core: a plan settles expiries under a revision of their own", "[kv]") {
  transaction_request request{{},
                              {core_put("a"), core_put("b", duration{5}),
                               operation::remove(core_key("c")), operation::remove(core_key("d"))}};
  std::vector<stored> rows{{3, instant{1'000}}, {}, {4, instant{1}}, {2, instant{1'001}}};
  auto plan = plan_transaction(request, {}, rows, noon, 7);
  CHECK(plan.answer == transaction_result{{}, 9, {false, false, false, true}});
  CHECK(plan.changes
        == std::vector<change>{{8, change_kind::expire, core_key("a"), "", {}},
                               {8, change_kind::expire, core_key("c"), "", {}},
                               {9, change_kind::put, core_key("a"), "1", {}},
                               {9, change_kind::put, core_key("b"), "1", instant{1'005}},
                               {9, change_kind::remove, core_key("d"), "", {}}});
  // A delete that only finds an expiry changes nothing itself.
  auto only =
    plan_transaction({{}, {operation::remove(core_key("c"))}}, {}, {&rows[2], 1}, noon, 7);
  CHECK(only.answer == transaction_result{{}, 8, {false}});
  CHECK(revisions(only.changes) == std::vector<uint64_t>{8});
}

TEST_CASE("kv core: a plan whose condition fails changes nothing, not even an expiry", "[kv]") {
  std::vector<stored> expired{{3, instant{999}}};
  auto plan = plan_transaction({{condition::at(core_key("a"), 3)}, {core_put("a")}}, expired,
                               expired, noon, 7);
  CHECK(plan.answer.failed == failed_condition{0, condition::at(core_key("a"), 3), 0});
  CHECK(plan.answer.revision == 7);
  CHECK(plan.answer.existed.empty());
  CHECK(plan.changes.empty());
  CHECK(to_error(*plan.answer.failed)
        == error{errc::conflict, "key 'a' of namespace 'n' does not exist, expected revision 3",
                 "/conditions/0"});
  CHECK(to_error({4, condition::exists(core_key("a")), 0}).message.ends_with("that it exists"));
}

TEST_CASE("kv core: an expiry past the end of time stays at the end", "[kv]") {
  auto plan = plan_transaction({{}, {core_put("a", ttl_max)}}, {}, std::vector<stored>(1),
                               instant{INT64_MAX - 5}, 0);
  CHECK(plan.changes[0].expires == instant{INT64_MAX});
}

TEST_CASE("kv core: the ends of a scan", "[kv]") {
  CHECK(scan_begin({"n", "", "", 1}) == "");
  CHECK(scan_begin({"n", "a%", "", 1}) == "a%");
  CHECK(scan_begin({"n", "a%", "a%b", 1}) == std::string{"a%b\0", 4});
  CHECK(prefix_end("a%") == "a&");
  CHECK(prefix_end("\xc3\xbf") == "\xc3\xc0");
  CHECK(prefix_end("") == "\xff");
  // The last character of all still has an end behind everything that begins with it.
  std::string last = "\xf4\x8f\xbf\xbf";
  CHECK(std::string_view{prefix_end(last)} > std::string_view{last + last});
}

TEST_CASE("kv core: a backend refuses what it does not have", "[kv]") {
  kv_properties none{.backend = "plain"};
  auto refusal = [&](const transaction_request& x) {
    auto ok = check_supported(none, x);
    return ok ? std::string{"fine"} : ok.error().at + ": " + ok.error().message;
  };
  CHECK(refusal({{}, {core_put("a")}}) == "fine");
  CHECK(refusal({{condition::absent(core_key("a"))}, {core_put("a")}}) == "fine");
  CHECK(refusal({{}, {core_put("a"), core_put("b")}})
        == "/operations: the plain store has no transactions");
  CHECK(refusal({{condition::absent(core_key("b"))}, {core_put("a")}})
        == "/conditions/0/key: the plain store has no transactions over several documents");
  CHECK(refusal({{}, {core_put("a", duration{1})}})
        == "/operations/0/ttl: the plain store has no ttl");
  none.ttl = none.transactional = true;
  CHECK(refusal({{condition::absent(core_key("b"))}, {core_put("a", duration{1}), core_put("b")}})
        == "fine");
}

TEST_CASE("kv core: a log lets whole revisions go, but never the newest", "[kv]") {
  change_log log{{.changes_max = 4}};
  log.append({core_change(1, "a"), core_change(1, "b")});
  log.append({core_change(2, "a"), core_change(2, "b")});
  CHECK(log.window() == log_window{0, 4, 12});
  log.append({core_change(3, "a")});
  CHECK(log.window() == log_window{1, 3, 9});
  std::vector<change> many;
  for (int i = 0; i < 9; ++i)
    many.push_back(core_change(4, std::to_string(i)));
  log.append(many);
  CHECK(log.window() == log_window{3, 9, 27});
  CHECK(log.read({"", "", 2, 10}, 4).error().code == compacted);
  CHECK(log.read({"", "", 3, 10}, 4)->changes == many);
  SECTION("bytes count as well") {
    change_log heavy{{.bytes_max = 100}};
    heavy.append({core_change(1, "a", std::string(60, 'x'))});
    heavy.append({core_change(2, "a", std::string(60, 'x'))});
    CHECK(heavy.window().compacted == 1);
    heavy.append({core_change(3, "a", std::string(600, 'x'))});
    CHECK(heavy.window() == log_window{2, 1, 602});
  }
}

TEST_CASE("kv core: a page of changes ends behind a whole revision", "[kv]") {
  change_log log{{}};
  log.append({core_change(1, "a")});
  log.append({core_change(2, "a"), core_change(2, "b"), core_change(2, "c")});
  log.append({core_change(3, "a")});
  auto page = log.read({"", "", 0, 2}, 3);
  CHECK(revisions(page->changes) == std::vector<uint64_t>{1, 2, 2, 2});
  CHECK(page->revision == 2);
  page = log.read({"", "", 2, 1}, 3);
  CHECK(revisions(page->changes) == std::vector<uint64_t>{3});
  CHECK(page->revision == 3);
  // What a filter leaves out is passed over.
  page = log.read({"n", "b", 0, 1}, 3);
  CHECK(revisions(page->changes) == std::vector<uint64_t>{2});
  CHECK(page->revision == 3);
  CHECK(log.read({"m", "", 0, 1}, 3)->changes.empty());
  // A heavy page ends early.
  change_log heavy{{.bytes_max = UINT64_MAX}};
  for (uint64_t i = 1; i <= 20; ++i)
    heavy.append({core_change(i, "a", std::string(value_bytes_max, 'x'))});
  CHECK(heavy.read({"", "", 0, 1000}, 20)->revision == 16);
}

TEST_CASE("kv core: a watch goes on from the store's revision when it lagged", "[kv]") {
  change_log log{{.changes_max = 3}};
  watch_cursor cursor{{"n", "a", {}}, 0};
  auto step = [&](uint64_t revision) {
    return *cursor.step(log.read(cursor.request(), revision), revision);
  };
  log.append({core_change(1, "a"), core_change(1, "b")});
  CHECK(cursor.is_behind(1));
  auto news = step(1);
  REQUIRE(news);
  CHECK(news->changes == std::vector<change>{core_change(1, "a")});
  CHECK(news->revision == 1);
  CHECK_FALSE(cursor.is_behind(1));
  // Nothing for this watcher: its place moves all the same.
  log.append({core_change(2, "b")});
  CHECK_FALSE(step(2));
  CHECK(cursor.revision() == 2);
  for (uint64_t i = 3; i <= 9; ++i)
    log.append({core_change(i, "b")});
  news = step(9);
  REQUIRE(news);
  CHECK(news->lagged);
  CHECK(news->changes.empty());
  CHECK(news->revision == 9);
  log.append({core_change(10, "a")});
  CHECK(step(10)->changes.size() == 1);
  // A failed read is no lag, and the same is read again.
  auto failed = cursor.step(error{errc::storage, "no"}, 11);
  REQUIRE_FALSE(failed);
  CHECK(failed.error().code == errc::storage);
  CHECK(cursor.revision() == 10);
}

TEST_CASE("kv core: names of kinds", "[kv]") {
  CHECK(to_string(change_kind::put) == "put");
  CHECK(to_string(change_kind::remove) == "delete");
  CHECK(to_string(change_kind::expire) == "expire");
  CHECK(to_string(watch_ordering::by_store) == "by_store");
  CHECK(to_string(watch_ordering::by_document) == "by_document");
  CHECK(condition::at(core_key("a"), 0) == condition::absent(core_key("a")));
}
