#include "runtime/store/kv/kv_backends.test.hpp"

using namespace coppice;
using namespace coppice::kv;
using namespace coppice::kv::testing;
using namespace std::chrono_literals;

TEST_CASE("kv contract: a ttl hides a document at its expiry", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  if (!store.has().ttl) {
    CHECK(failure(store->put(doc("a", "1", 10s))) == "refused /ttl");
    CHECK(store->revision() == 0);
    return;
  }
  auto expires = store.time.now() + 10s;
  REQUIRE(*store->put(doc("a", "1", 10s)) == 1);
  REQUIRE(*store->put({key("b"), "2", {}}) == 2);
  auto is_there = [&] {
    auto one = store->get(key("a"));
    auto many = store->get_many({key("a"), key("b")});
    auto page = store->scan({"test", "", "", 10});
    REQUIRE((one && many && page));
    REQUIRE((*many)[1]);
    CHECK(one->has_value() == (*many)[0].has_value());
    CHECK((page->entries.size() == 2) == one->has_value());
    return one->has_value();
  };
  CHECK(store->get(key("a"))->value().expires == expires);
  store.time.now_ns = expires.ns - 1;
  CHECK(is_there());
  store.time.now_ns = expires.ns;
  CHECK_FALSE(is_there());
  // For writers it is gone as well, though nobody has removed it.
  CHECK(store->revision() == 2);
  CHECK(failure(store->compare_and_set({key("a"), "3", {}}, 1)).starts_with("conflict "));
  CHECK(store->revision() == 2);
  CHECK(*store->remove(key("a")) == false);
  CHECK(*store->remove_expired() == 0);
  CHECK_FALSE(is_there());
}

TEST_CASE("kv contract: a write settles the expiry that it comes upon", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  if (!store.has().ttl)
    return;
  REQUIRE(store->put(doc("a", "1", 1s)));
  REQUIRE(store->put(doc("b", "1", 1s)));
  store.time.advance(1s);
  // The expiry of `a` is revision 3, the put revision 4.
  CHECK(*store->compare_and_set({key("a"), "2", {}}, 0) == 4);
  CHECK(*store->remove(key("b")) == false);
  CHECK(store->revision() == 5);
  store.time.advance(10s);
  CHECK(*store->get(key("a")) == entry{key("a"), "2", 4, {}});
  if (!store.has().watch)
    return;
  auto log = all_changes(*store.operator->(), {"test", "", 2, 10});
  REQUIRE(log.size() == 3);
  CHECK(log[0] == change{3, change_kind::expire, key("a"), "", {}});
  CHECK(log[1] == change{4, change_kind::put, key("a"), "2", {}});
  CHECK(log[2] == change{5, change_kind::expire, key("b"), "", {}});
}

TEST_CASE("kv contract: a put replaces the ttl", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  if (!store.has().ttl)
    return;
  REQUIRE(store->put(doc("a", "1", 1s)));
  REQUIRE(store->put(doc("a", "1", 5s)));
  REQUIRE(store->put(doc("b", "1", 1s)));
  REQUIRE(store->put({key("b"), "2", {}}));
  store.time.advance(1s);
  CHECK(store->get(key("a"))->has_value());
  CHECK(*store->remove_expired() == 0);
  store.time.advance(4s);
  CHECK(*store->get(key("a")) == std::nullopt);
  CHECK(*store->remove_expired() == 1);
  CHECK(store->get(key("b"))->has_value());
  // The longest ttl does not overflow.
  CHECK(store->put(doc("c", "1", ttl_max)));
  CHECK(store->get(key("c"))->has_value());
}

TEST_CASE("kv contract: expired documents are removed in batches", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  if (!store.has().ttl) {
    CHECK(*store->remove_expired() == 0);
    return;
  }
  std::vector<put_request> first, second;
  for (size_t i = 0; i < 100; ++i) {
    first.push_back(doc("a" + std::to_string(i), "1", 2s));
    second.push_back(doc("b" + std::to_string(i), "1", 1s));
  }
  REQUIRE(*store->set_many(first) == 1);
  REQUIRE(*store->set_many(second) == 2);
  CHECK(*store->remove_expired() == 0);
  store.time.advance(2s);
  CHECK(*store->remove_expired() == expired_max);
  CHECK(store->revision() == 3);
  CHECK(*store->remove_expired() == 200 - expired_max);
  CHECK(store->revision() == 4);
  CHECK(*store->remove_expired() == 0);
  CHECK(store->revision() == 4);
  // The oldest expiry goes first.
  if (!store.has().watch)
    return;
  auto log = all_changes(*store.operator->(), {"test", "", 2, 1});
  REQUIRE(log.size() == 200);
  for (size_t i = 0; i < 200; ++i) {
    CHECK(log[i].what == change_kind::expire);
    CHECK(log[i].revision == (i < expired_max ? 3 : 4));
    CHECK(log[i].key.name.starts_with(i < 100 ? "b" : "a"));
  }
}
