#include "runtime/store/kv/kv_backends.test.hpp"

#include <atomic>
#include <future>
#include <set>
#include <thread>

using namespace coppice;
using namespace coppice::kv;
using namespace coppice::kv::testing;

TEST_CASE("kv contract: what each backend has", "[kv]") {
  auto name = GENERATE(from_range(backend_names()));
  tested_store store{name};
  auto has = store.has();
  CHECK(has.durable == (name == "sqlite" || name == "cached sqlite"));
  CHECK(has.transactional == (name != "modest"));
  CHECK(has.ttl == (name != "modest"));
  CHECK(has.watch == (name != "modest"));
  CHECK(has.scope == store::store_scope::node);
  CHECK(has.ordering
        == (name == "modest" ? watch_ordering::by_document : watch_ordering::by_store));
}

TEST_CASE("kv contract: documents are put, read and deleted", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  CHECK(store->revision() == 0);
  CHECK(*store->get(key("a")) == std::nullopt);
  CHECK(*store->put(doc("a", R"({"n":1})")) == 1);
  CHECK(*store->put({{"other", "a"}, "[2]", {}}) == 2);
  CHECK(*store->get(key("a")) == entry{key("a"), R"({"n":1})", 1, {}});
  CHECK(*store->get({"other", "a"}) == entry{{"other", "a"}, "[2]", 2, {}});
  CHECK(*store->put(doc("a", "null")) == 3);
  CHECK(*store->get(key("a")) == entry{key("a"), "null", 3, {}});
  CHECK(*store->remove(key("a")) == true);
  CHECK(*store->get(key("a")) == std::nullopt);
  CHECK(store->revision() == 4);
  CHECK(*store->remove(key("a")) == false);
  CHECK(store->revision() == 4);
  CHECK(*store->put(doc("a")) == 5);
  CHECK(store->get(key("a"))->value().revision == 5);
  // The longest names and values that are possible.
  document_key longest{std::string(64, 'n'), std::string(512, 'k')};
  auto most = '"' + std::string(value_bytes_max - 2, 'x') + '"';
  CHECK(*store->put({longest, most, {}}) == 6);
  CHECK(store->get(longest)->value().value == most);
}

TEST_CASE("kv contract: many documents are read as of one revision", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  REQUIRE(store->put(doc("a", "1")));
  REQUIRE(store->put(doc("b", "2")));
  auto read = store->get_many({key("b"), key("none"), key("a"), key("b")});
  REQUIRE(read);
  REQUIRE(read->size() == 4);
  CHECK((*read)[0] == entry{key("b"), "2", 2, {}});
  CHECK((*read)[1] == std::nullopt);
  CHECK((*read)[2] == entry{key("a"), "1", 1, {}});
  CHECK((*read)[3] == (*read)[0]);
  CHECK(failure(store->get_many({})) == "invalid_value /keys");
  CHECK(failure(store->get_many({key("a"), key("")})) == "missing_field /keys/1/key");
  CHECK(failure(store->get_many(std::vector<document_key>(129, key("a"))))
        == "invalid_value /keys");
  if (!store.has().transactional)
    return;
  // A writer keeps two documents equal; no reader ever sees them differ.
  std::atomic<bool> stop = false, failed = false;
  std::thread writer{[&] {
    for (int i = 0; !stop && !failed; ++i)
      if (!store->set_many({doc("a", std::to_string(i)), doc("b", std::to_string(i))}))
        failed = true;
  }};
  int torn = 0, seen = 0;
  for (uint64_t last = 2; seen < 50 && !failed;) {
    auto pair = store->get_many({key("a"), key("b")});
    if (!pair || !(*pair)[0] || !(*pair)[1])
      failed = true;
    else if ((*pair)[0]->revision > last) {
      last = (*pair)[0]->revision;
      ++seen;
      torn += (*pair)[0]->value == (*pair)[1]->value ? 0 : 1;
    }
  }
  stop = true;
  writer.join();
  CHECK_FALSE(failed);
  CHECK(torn == 0);
}

TEST_CASE("kv contract: many documents are put at once or not at all", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  if (!store.has().transactional) {
    CHECK(failure(store->set_many({doc("a"), doc("b")})) == "refused /operations");
    CHECK(store->revision() == 0);
    return;
  }
  CHECK(*store->set_many({doc("a"), doc("b"), doc("c")}) == 1);
  for (auto name : {"a", "b", "c"})
    CHECK(store->get(key(name))->value().revision == 1);
  CHECK(failure(store->set_many({doc("d"), doc("e", "{")})) == "invalid_json /operations/1/value");
  CHECK(*store->get(key("d")) == std::nullopt);
  std::vector<put_request> most;
  for (size_t i = 0; i < operations_max; ++i)
    most.push_back(doc("many-" + std::to_string(i)));
  CHECK(*store->set_many(most) == 2);
}

TEST_CASE("kv contract: compare-and-set goes by the revision", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  auto attempt = [&](uint64_t expected) {
    auto out = store->compare_and_set(doc("a"), expected);
    return out ? std::to_string(*out) : to_string(out.error());
  };
  CHECK(attempt(1) == "/expected: key 'a' of namespace 'test' does not exist, expected revision 1");
  CHECK(attempt(0) == "1");
  CHECK(
    attempt(0)
    == "/expected: key 'a' of namespace 'test' has revision 1, expected that it does not exist");
  CHECK(attempt(7) == "/expected: key 'a' of namespace 'test' has revision 1, expected revision 7");
  CHECK(attempt(1) == "2");
  CHECK(failure(store->compare_and_set(doc("a"), 1)).starts_with("conflict "));
  REQUIRE(*store->remove(key("a")));
  CHECK(attempt(2) == "/expected: key 'a' of namespace 'test' does not exist, expected revision 2");
  CHECK(attempt(0) == "4");
  CHECK(failure(store->compare_and_set({{"A", "a"}, "1", {}}, 0)) == "invalid_value /namespace");
  CHECK(failure(store->compare_and_set(doc("a", "x"), 0)) == "invalid_json /value");
}

TEST_CASE("kv contract: a transaction changes everything or nothing", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  REQUIRE(store->put(doc("a", "1")));
  REQUIRE(store->put(doc("b", "2")));
  transaction_request request{
    {condition::at(key("a"), 1), condition::exists(key("b")), condition::absent(key("c"))},
    {operation::put(doc("a", "3")), operation::remove(key("b")), operation::put(doc("c", "4")),
     operation::remove(key("none"))}};
  if (!store.has().transactional) {
    CHECK(failure(store->transact(request)) == "refused /operations");
    CHECK(failure(store->transact({{condition::exists(key("a"))}, {operation::remove(key("b"))}}))
          == "refused /conditions/0/key");
    auto one = store->transact({{condition::exists(key("a"))}, {operation::remove(key("a"))}});
    CHECK(*one == transaction_result{{}, 3, {true}});
    return;
  }
  CHECK(*store->transact(request) == transaction_result{{}, 3, {true, true, false, false}});
  CHECK(*store->get(key("a")) == entry{key("a"), "3", 3, {}});
  CHECK(*store->get(key("b")) == std::nullopt);
  CHECK(*store->get(key("c")) == entry{key("c"), "4", 3, {}});
  // Each kind of condition fails alone, with what was expected and what is.
  auto fails = [&](std::vector<condition> conditions, failed_condition expected) {
    auto answer = store->transact(
      {std::move(conditions), {operation::put(doc("a", "9")), operation::remove(key("c"))}});
    REQUIRE(answer);
    CHECK(*answer == transaction_result{expected, 3, {}});
    CHECK(store->revision() == 3);
    CHECK(store->get(key("a"))->value().value == "3");
    CHECK(store->get(key("c"))->has_value());
  };
  auto fine = condition::at(key("a"), 3);
  fails({fine, condition::at(key("a"), 1)}, {1, condition::at(key("a"), 1), 3});
  fails({fine, condition::at(key("b"), 2)}, {1, condition::at(key("b"), 2), 0});
  fails({condition::absent(key("c")), fine}, {0, condition::absent(key("c")), 3});
  fails({fine, fine, condition::exists(key("b"))}, {2, condition::exists(key("b")), 0});
  // Nothing to do is no change.
  CHECK(*store->transact({{fine}, {operation::remove(key("none"))}})
        == transaction_result{{}, 3, {false}});
  CHECK(store->revision() == 3);
}

TEST_CASE("kv contract: bad requests are refused with the place", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  auto put = [&](const std::string& space, const std::string& name,
                 const std::string& value = "1") {
    return failure(store->put({{space, name}, value, {}}));
  };
  CHECK(put("", "k") == "invalid_value /namespace");
  CHECK(put("Users", "k") == "invalid_value /namespace");
  CHECK(put("-users", "k") == "invalid_value /namespace");
  CHECK(put("us/ers", "k") == "invalid_value /namespace");
  CHECK(put(std::string(65, 'n'), "k") == "invalid_value /namespace");
  CHECK(put("n", "") == "missing_field /key");
  CHECK(put("n", std::string(513, 'k')) == "invalid_value /key");
  CHECK(put("n", "a\nb") == "invalid_value /key");
  CHECK(put("n", std::string{"a\0b", 3}) == "invalid_value /key");
  CHECK(put("n", "\x7f") == "invalid_value /key");
  CHECK(put("n", "\xc2\x85") == "invalid_value /key");
  CHECK(put("n", "\xff") == "invalid_value /key");
  CHECK(put("n", "\xc3") == "invalid_value /key");
  CHECK(put("n", "k", "") == "invalid_json /value");
  CHECK(put("n", "k", "{'a':1}") == "invalid_json /value");
  CHECK(put("n", "k", R"({"a":[1,01]})").starts_with("invalid_json /value"));
  CHECK(put("n", "k", '"' + std::string(value_bytes_max - 1, 'x') + '"') == "too_large /value");
  CHECK(failure(store->put(doc("k", "1", duration{0}))) == "invalid_value /ttl");
  CHECK(failure(store->put(doc("k", "1", duration{-1}))) == "invalid_value /ttl");
  CHECK(failure(store->put(doc("k", "1", duration::max()))) == "invalid_value /ttl");
  CHECK(failure(store->get({"n", ""})) == "missing_field /key");
  CHECK(failure(store->get({"N", "k"})) == "invalid_value /namespace");
  CHECK(failure(store->remove({"n", "\t"})) == "invalid_value /key");
  CHECK(failure(store->transact({{}, {}})) == "invalid_value /operations");
  std::vector<operation> many(129, operation::remove(key("a")));
  CHECK(failure(store->transact({{}, many})) == "invalid_value /operations");
  std::vector<condition> conditions(129, condition::exists(key("a")));
  CHECK(failure(store->transact({conditions, {many[0]}})) == "invalid_value /conditions");
  CHECK(failure(store->transact({{condition::exists({"n", ""})}, {many[0]}}))
        == "missing_field /conditions/0/key");
  CHECK(failure(store->transact({{}, {many[0], many[0]}})) == "invalid_value /operations/1/key");
  CHECK(failure(store->set_many({doc("a"), doc("b"), doc("c"), doc("d", "nul")}))
        == "invalid_json /operations/3/value");
  std::vector<put_request> heavy;
  for (int i = 0; i < 17; ++i)
    heavy.push_back(doc(std::to_string(i), '"' + std::string(value_bytes_max - 2, 'x') + '"'));
  CHECK(failure(store->set_many(heavy)) == "too_large /operations/16/value");
  CHECK(failure(store->scan({"N", "", "", 1})) == "invalid_value /namespace");
  CHECK(failure(store->scan({"n", "\x01", "", 1})) == "invalid_value /prefix");
  CHECK(failure(store->scan({"n", "a", "b", 1})) == "invalid_value /after");
  CHECK(failure(store->scan({"n", "", "", 0})) == "out_of_range /limit");
  CHECK(failure(store->scan({"n", "", "", 1001})) == "out_of_range /limit");
  CHECK(store->revision() == 0);
  auto told = store->put({{"n", "a\x1b"}, "1", {}});
  CHECK(told.error().message
        == "a key has at most 512 bytes of UTF-8 without control characters; byte 2 begins a "
           "control character");
  told = store->put({{"us ers", "a"}, "1", {}});
  CHECK(told.error().message.ends_with("byte 3 is 0x20"));
}

TEST_CASE("kv contract: eight threads win each revision of a key once", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  REQUIRE(store->put(doc("counter", "0")));
  constexpr int threads = 8, each = 25;
  std::vector<std::thread> workers;
  std::vector<std::vector<uint64_t>> won(threads);
  std::atomic<int> failures = 0;
  for (int t = 0; t < threads; ++t)
    workers.emplace_back([&, t] {
      for (int i = 0; i < each;) {
        auto now = store->get(key("counter"));
        if (!now || !*now) {
          ++failures;
          return;
        }
        auto next = std::to_string(std::stoi((*now)->value) + 1);
        auto done = store->compare_and_set(doc("counter", next), (*now)->revision);
        if (done) {
          won[static_cast<size_t>(t)].push_back((*now)->revision);
          ++i;
        } else if (done.error().code != errc::conflict) {
          ++failures;
          return;
        }
      }
    });
  for (auto& x : workers)
    x.join();
  CHECK(failures == 0);
  std::set<uint64_t> all;
  for (const auto& x : won)
    all.insert(x.begin(), x.end());
  CHECK(all.size() == static_cast<size_t>(threads * each));
  CHECK(store->get(key("counter"))->value().value == std::to_string(threads * each));
  CHECK(store->revision() == 1 + threads * each);
}

TEST_CASE("kv contract: a thread's writes are done in its order", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  std::vector<uint64_t> revisions;
  std::promise<void> last;
  constexpr int count = 200;
  for (int i = 0; i < count; ++i)
    store->put(doc("k" + std::to_string(i % 3), std::to_string(i)), [&](result<uint64_t> x) {
      revisions.push_back(x ? *x : 0);
      if (revisions.size() == count)
        last.set_value();
    });
  last.get_future().wait();
  for (size_t i = 0; i < count; ++i)
    REQUIRE(revisions[i] == i + 1);
  CHECK(store->get(key("k1"))->value().value == "199");
}

TEST_CASE("kv contract: what is durable is there after opening again", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  REQUIRE(store->put(doc("a", "1")));
  REQUIRE(store->put(doc("b", "2")));
  REQUIRE(store->remove(key("b")));
  auto before = store->get(key("a"));
  store.reopen();
  if (!store.has().durable) {
    CHECK(store->revision() == 0);
    return;
  }
  CHECK(store->revision() == 3);
  CHECK(*store->get(key("a")) == *before);
  CHECK(*store->get(key("b")) == std::nullopt);
  CHECK(all_changes(*store.operator->()).size() == 3);
  CHECK(*store->put(doc("c")) == 4);
}
