#include "runtime/store/kv/kv_backends.test.hpp"

#include <atomic>
#include <future>
#include <thread>

using namespace coppice;
using namespace coppice::kv;
using namespace coppice::kv::testing;
using namespace std::chrono_literals;

namespace {

/// A store in memory whose reads can be held up, and whose watch the test speaks for.
class scripted_store : public kv_store {
public:
  using kv_store::transact;

  kv_properties properties() const override { return claims; }
  void transact(transaction_request request, transaction_callback callback) override {
    if (fail_writes)
      return behind->transact(std::move(request), [callback](result<transaction_result>) {
        callback(error{errc::timeout, "the answer got lost"});
      });
    behind->transact(std::move(request), std::move(callback));
  }
  void remove_expired(count_callback callback) override { behind->remove_expired(callback); }
  result<std::optional<entry>> get(const document_key& key) override {
    auto out = behind->get(key);
    ++reads;
    if (after_read)
      after_read();
    return out;
  }
  result<std::vector<std::optional<entry>>> get_many(std::vector<document_key> keys) override {
    return behind->get_many(std::move(keys));
  }
  result<scan_page> scan(const scan_request& request) override { return behind->scan(request); }
  result<changes_page> changes(const changes_request& request) override {
    return behind->changes(request);
  }
  result<std::unique_ptr<watch_subscription>> watch(watch_options,
                                                    watch_callback callback) override {
    struct silent : watch_subscription {
      uint64_t revision() const override { return 0; }
    };
    told.push_back(std::move(callback));
    return std::unique_ptr<watch_subscription>{std::make_unique<silent>()};
  }
  uint64_t revision() const override { return behind->revision(); }

  std::shared_ptr<kv_store> behind = make_memory_store();
  kv_properties claims = behind->properties();
  std::vector<watch_callback> told;
  std::function<void()> after_read;
  std::atomic<int> reads = 0;
  bool fail_writes = false;
};

struct cached_world {
  std::shared_ptr<scripted_store> behind = std::make_shared<scripted_store>();
  std::shared_ptr<cached_store> cache;

  explicit cached_world(cache_options options = {}) {
    auto made = cached_store::make(behind, options);
    REQUIRE(made);
    cache = *made;
  }

  std::string value(const std::string& name) {
    auto read = cache->get(key(name));
    REQUIRE(read);
    return *read ? (*read)->value : "none";
  }
};

} // namespace

TEST_CASE("kv cache: hits and misses are counted", "[kv]") {
  cached_world world;
  REQUIRE(world.cache->put(doc("a")));
  CHECK(world.value("a") == "1");
  CHECK(world.value("a") == "1");
  CHECK(world.value("none") == "none");
  CHECK(world.value("none") == "none");
  CHECK(world.behind->reads == 2);
  auto stats = world.cache->stats();
  CHECK(stats == cache_stats{.hits = 2, .misses = 2, .entries = 2, .bytes = 10 + 1 + 16});
  CHECK(failure(world.cache->get({"N", "a"})) == "invalid_value /namespace");
  CHECK(world.cache->stats().entries == 2);
}

TEST_CASE("kv cache: what this process wrote is seen at once", "[kv]") {
  cached_world world;
  CHECK(world.value("a") == "none");
  REQUIRE(world.cache->put(doc("a", "1")));
  CHECK(world.value("a") == "1");
  REQUIRE(world.cache->compare_and_set(doc("a", "2"), 1));
  CHECK(world.value("a") == "2");
  REQUIRE(world.cache->set_many({doc("a", "3"), doc("b", "3")}));
  CHECK(world.value("a") == "3");
  REQUIRE(world.cache->remove(key("a")));
  CHECK(world.value("a") == "none");
  // A write whose outcome is unknown may have been done.
  CHECK(world.value("b") == "3");
  world.behind->fail_writes = true;
  CHECK_FALSE(world.cache->put(doc("b", "4")));
  CHECK(world.value("b") == "4");
  CHECK(world.cache->stats().invalidated == 5);
}

TEST_CASE("kv cache: a condition that failed has told something", "[kv]") {
  cached_world world;
  REQUIRE(world.cache->put(doc("a", "1")));
  CHECK(world.value("a") == "1");
  REQUIRE(world.behind->behind->put(doc("a", "2")));
  CHECK(failure(world.cache->compare_and_set(doc("a", "3"), 1)).starts_with("conflict "));
  CHECK(world.value("a") == "2");
}

TEST_CASE("kv cache: what a watch told is seen at once", "[kv]") {
  cached_world world;
  REQUIRE(world.cache->put(doc("a", "1")));
  REQUIRE(world.cache->put(doc("b", "1")));
  CHECK(world.value("a") == "1");
  CHECK(world.value("b") == "1");
  REQUIRE(world.behind->told.size() == 1);
  REQUIRE(world.behind->behind->put(doc("a", "2")));
  CHECK(world.value("a") == "1"); // Nobody has told yet.
  world.behind->told[0]({{{3, change_kind::put, key("a"), "2", {}}}, 3});
  CHECK(world.value("a") == "2");
  // Old news drop nothing.
  auto reads = world.behind->reads.load();
  world.behind->told[0]({{{3, change_kind::put, key("a"), "2", {}}}, 3});
  CHECK(world.value("a") == "2");
  CHECK(world.value("b") == "1");
  CHECK(world.behind->reads == reads);
  // After lagging anything may be old.
  REQUIRE(world.behind->behind->put(doc("b", "2")));
  world.behind->told[0]({{}, 4, true});
  CHECK(world.cache->stats().entries == 0);
  CHECK(world.value("b") == "2");
  SECTION("also when it is the application's watch, or its look at the log") {
    std::string seen;
    auto watch = world.cache->watch({}, [&](const watch_news&) { seen = world.value("b"); });
    REQUIRE(watch);
    REQUIRE(world.behind->behind->put(doc("b", "3")));
    world.behind->told[1]({{{5, change_kind::put, key("b"), "3", {}}}, 5});
    CHECK(seen == "3");
    REQUIRE(world.behind->behind->put(doc("b", "4")));
    REQUIRE(world.cache->changes({"", "", 5, 10}));
    CHECK(world.value("b") == "4");
  }
}

TEST_CASE("kv cache: a read that was overtaken is not kept", "[kv]") {
  cached_world world;
  REQUIRE(world.cache->put(doc("a", "1")));
  std::promise<void> entered, go;
  world.behind->after_read = [&] {
    entered.set_value();
    go.get_future().wait();
  };
  std::thread reader{[&] { static_cast<void>(world.cache->get(key("a"))); }};
  entered.get_future().wait();
  world.behind->after_read = nullptr;
  SECTION("by a write") {
    REQUIRE(world.cache->put(doc("a", "2")));
  }
  SECTION("by a change that was told") {
    REQUIRE(world.behind->behind->put(doc("a", "2")));
    world.behind->told[0]({{{2, change_kind::put, key("a"), "2", {}}}, 2});
  }
  SECTION("by a lag") {
    REQUIRE(world.behind->behind->put(doc("a", "2")));
    world.behind->told[0]({{}, 2, true});
  }
  go.set_value();
  reader.join();
  CHECK(world.value("a") == "2");
}

TEST_CASE("kv cache: it is bounded, and the least recently read goes first", "[kv]") {
  cached_world world{{.entries_max = 2, .bytes_max = 100}};
  for (auto name : {"a", "b", "c"})
    REQUIRE(world.cache->put(doc(name)));
  for (auto name : {"a", "b", "a", "c", "a"})
    CHECK(world.value(name) == "1");
  CHECK(world.behind->reads == 3);
  CHECK(world.value("b") == "1");
  CHECK(world.behind->reads == 4);
  auto stats = world.cache->stats();
  CHECK(stats.entries == 2);
  CHECK(stats.evicted == 2);
  // A value that is heavier than the whole cache is not kept and drives nothing out.
  REQUIRE(world.cache->put(doc("heavy", '"' + std::string(100, 'x') + '"')));
  CHECK(world.value("heavy").size() == 102);
  CHECK(world.cache->stats().entries == 2);
  REQUIRE(world.cache->put(doc("half", '"' + std::string(72, 'x') + '"')));
  CHECK(world.value("half").size() == 74);
  CHECK(world.cache->stats().entries == 1);
  CHECK(world.cache->stats().bytes <= 100);
}

TEST_CASE("kv cache: a hit looks at the clock", "[kv]") {
  coppice::testing::manual_clock time;
  auto cache = cached_store::make(make_memory_store({.time = &time}), {.time = &time});
  REQUIRE(cache);
  REQUIRE((*cache)->put({key("a"), "1", 10s}));
  CHECK((*cache)->get(key("a"))->has_value());
  time.advance(10s - 1ns);
  CHECK((*cache)->get(key("a"))->has_value());
  CHECK((*cache)->stats().hits == 1);
  time.advance(1ns);
  CHECK_FALSE((*cache)->get(key("a"))->has_value());
}

TEST_CASE("kv cache: without a watch it refuses what others can write to", "[kv]") {
  auto behind = std::make_shared<scripted_store>();
  behind->claims.watch = false;
  CHECK(cached_store::make(behind));
  behind->claims.scope = store::store_scope::cluster;
  CHECK(failure(cached_store::make(behind)) == "refused ");
  behind->claims.watch = true;
  CHECK(cached_store::make(behind));
}

TEST_CASE("kv cache: readers never go back behind what was acknowledged", "[kv]") {
  tested_store store{GENERATE("cached memory", "cached sqlite")};
  std::atomic<int> acknowledged = -1, failures = 0;
  std::vector<std::thread> readers;
  std::atomic<bool> stop = false;
  for (int t = 0; t < 3; ++t)
    readers.emplace_back([&] {
      while (!stop) {
        auto least = acknowledged.load();
        auto read = store->get(key("a"));
        auto value = read && *read ? std::stoi((*read)->value) : -1;
        failures += value < least ? 1 : 0;
      }
    });
  for (int i = 0; i < 300; ++i) {
    if (!store->put(doc("a", std::to_string(i))))
      ++failures;
    acknowledged = i;
  }
  stop = true;
  for (auto& x : readers)
    x.join();
  CHECK(failures == 0);
}
