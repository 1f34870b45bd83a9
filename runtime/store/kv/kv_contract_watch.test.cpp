#include "runtime/store/kv/kv_backends.test.hpp"

#include <atomic>
#include <future>
#include <thread>

using namespace coppice;
using namespace coppice::kv;
using namespace coppice::kv::testing;

namespace {

/// Watches, when the backend can.
std::unique_ptr<watch_subscription> watch_with(tested_store& store, listener& ears,
                                               watch_options options) {
  auto out = store->watch(std::move(options), ears.callback());
  REQUIRE(out);
  return std::move(*out);
}

} // namespace

TEST_CASE("kv contract: the log tells what changed since a revision", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names())), {.changes_max = 6}};
  if (!store.has().watch) {
    CHECK(failure(store->changes({})) == "refused ");
    CHECK(failure(store->watch({}, [](auto) {})) == "refused ");
    return;
  }
  REQUIRE(store->put(doc("a")));
  REQUIRE(store->set_many({doc("b"), doc("c"), {{"other", "a"}, "2", {}}}));
  REQUIRE(store->remove({"test", "b"}));
  std::vector<change> expected{{1, change_kind::put, {"test", "a"}, "1", {}},
                               {2, change_kind::put, {"test", "b"}, "1", {}},
                               {2, change_kind::put, {"test", "c"}, "1", {}},
                               {2, change_kind::put, {"other", "a"}, "2", {}},
                               {3, change_kind::remove, {"test", "b"}, "", {}}};
  CHECK(store->changes({})->changes == expected);
  CHECK(store->changes({})->revision == 3);
  // A page ends behind a whole revision.
  auto page = store->changes({"", "", 1, 1});
  CHECK(page->changes.size() == 3);
  CHECK(page->revision == 2);
  page = store->changes({"", "", 0, 1});
  CHECK(page->changes.size() == 1);
  CHECK(page->revision == 1);
  page = store->changes({"test", "b", 0, 10});
  CHECK(page->changes == std::vector<change>{expected[1], expected[4]});
  CHECK(page->revision == 3);
  CHECK(store->changes({"", "a", 0, 10})->changes == std::vector<change>{expected[0], expected[3]});
  CHECK(store->changes({"", "", 3, 10})->changes.empty());
  CHECK(failure(store->changes({"", "", 4, 10})) == "invalid_value /after");
  CHECK(failure(store->changes({"N", "", 0, 10})) == "invalid_value /namespace");
  CHECK(failure(store->changes({"", "", 0, 0})) == "out_of_range /limit");
  // Two more changes: the log lets revision 1 go, and then the whole of revision 2.
  REQUIRE(store->put(doc("d")));
  REQUIRE(store->changes({}));
  REQUIRE(store->put(doc("e")));
  CHECK(failure(store->changes({})).starts_with("not_found "));
  CHECK(failure(store->changes({})) == "not_found /after");
  CHECK(store->changes({"", "", 1, 10})->changes.size() == 6);
  REQUIRE(store->put(doc("f")));
  CHECK(failure(store->changes({"", "", 1, 10})).starts_with("not_found "));
  CHECK(store->changes({"", "", 2, 10})->changes.size() == 4);
  CHECK(failure(store->watch({"", "", 1}, [](auto) {})).starts_with("not_found "));
  CHECK(failure(store->watch({"", "", 99}, [](auto) {})).starts_with("invalid_value "));
}

TEST_CASE("kv contract: a watch tells puts, deletes and expiries in order", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  if (!store.has().watch)
    return;
  REQUIRE(store->put(doc("before")));
  listener now, since, filtered, other;
  auto one = watch_with(store, now, {});
  auto two = watch_with(store, since, {"", "", 0});
  auto three = watch_with(store, filtered, {"test", "a_", {}});
  auto four = watch_with(store, other, {"other", "", {}});
  auto expires = store.time.now() + std::chrono::seconds{1};
  REQUIRE(store->put({{"test", "a_1"}, "1", std::chrono::seconds{1}}));
  REQUIRE(store->put(doc("ab2")));
  REQUIRE(store->set_many({{{"other", "x"}, "3", {}}, doc("a_2", "4")}));
  REQUIRE(store->remove({"test", "a_2"}));
  store.time.advance(std::chrono::seconds{1});
  REQUIRE(*store->remove_expired() == 1);
  std::vector<change> expected{{1, change_kind::put, {"test", "before"}, "1", {}},
                               {2, change_kind::put, {"test", "a_1"}, "1", expires},
                               {3, change_kind::put, {"test", "ab2"}, "1", {}},
                               {4, change_kind::put, {"other", "x"}, "3", {}},
                               {4, change_kind::put, {"test", "a_2"}, "4", {}},
                               {5, change_kind::remove, {"test", "a_2"}, "", {}},
                               {6, change_kind::expire, {"test", "a_1"}, "", {}}};
  REQUIRE(since.wait_for(6));
  REQUIRE(now.wait_for(6));
  REQUIRE(filtered.wait_for(6));
  REQUIRE(other.wait_for(4));
  CHECK(since.changes() == expected);
  CHECK(now.changes() == std::vector<change>(expected.begin() + 1, expected.end()));
  CHECK(filtered.changes()
        == std::vector<change>{expected[1], expected[4], expected[5], expected[6]});
  CHECK(other.changes() == std::vector<change>{expected[3]});
  CHECK(failure(store->watch({"N", "", {}}, now.callback())) == "invalid_value /namespace");
  CHECK(failure(store->watch({"n", "\n", {}}, now.callback())) == "invalid_value /prefix");
  // After its end a watch says nothing more.
  one.reset();
  REQUIRE(store->put(doc("after")));
  REQUIRE(since.wait_for(7));
  CHECK(now.changes().size() == 6);
}

TEST_CASE("kv contract: there is no seam between catching up and living on", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  if (!store.has().watch)
    return;
  constexpr int count = 600;
  std::atomic<int> failures = 0;
  std::promise<void> half;
  std::thread writer{[&] {
    for (int i = 0; i < count; ++i) {
      auto callback = [&, i](result<uint64_t> x) {
        failures += x ? 0 : 1;
        if (i == count / 2)
          half.set_value();
      };
      auto name = std::to_string(i % 7);
      if (i % 10 == 9)
        store->set_many({doc(name), doc("x" + name)}, callback);
      else
        store->put(doc(name, std::to_string(i)), callback);
    }
  }};
  // These begin while changes come in: from the beginning, from the middle, and from now on.
  std::vector<std::unique_ptr<listener>> ears;
  std::vector<std::unique_ptr<watch_subscription>> watches;
  std::vector<uint64_t> begins;
  for (int i = 0; i < 12; ++i) {
    if (i == 6)
      half.get_future().wait();
    auto begin = store->revision() * static_cast<uint64_t>(i % 3) / 2;
    ears.push_back(std::make_unique<listener>());
    begins.push_back(begin);
    watches.push_back(watch_with(store, *ears.back(), {"", "", begin}));
  }
  writer.join();
  // Asked in the order of the writes: it is done when they are.
  REQUIRE(store->put(doc("end")));
  auto all = all_changes(*store.operator->());
  CHECK(failures == 0);
  REQUIRE(all.size() == count + count / 10 + 1);
  for (size_t i = 0; i < ears.size(); ++i) {
    REQUIRE(ears[i]->wait_for(store->revision()));
    std::vector<change> expected;
    for (const auto& x : all)
      if (x.revision > begins[i])
        expected.push_back(x);
    CHECK(ears[i]->changes() == expected);
    CHECK(ears[i]->lagged() == 0);
  }
}

TEST_CASE("kv contract: a slow watcher is told that it lagged", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names())), {.changes_max = 10}};
  if (!store.has().watch)
    return;
  std::promise<void> entered, go;
  auto may_go = go.get_future().share();
  listener ears;
  std::mutex mutex;
  std::vector<watch_news> news;
  auto watch = store->watch({}, [&, may_go, tell = ears.callback()](watch_news x) {
    auto first = [&] {
      std::lock_guard guard{mutex};
      news.push_back(x);
      return news.size() == 1;
    }();
    if (first) {
      entered.set_value();
      may_go.wait();
    }
    tell(std::move(x));
  });
  REQUIRE(watch);
  REQUIRE(store->put(doc("0")));
  entered.get_future().wait();
  // The watcher stands still; writers do not.
  for (int i = 1; i <= 50; ++i)
    REQUIRE(store->put(doc(std::to_string(i))));
  CHECK(store->revision() == 51);
  go.set_value();
  REQUIRE(ears.wait_for(51));
  REQUIRE(store->put(doc("later")));
  REQUIRE(ears.wait_for(52));
  std::lock_guard guard{mutex};
  REQUIRE(news.size() == 3);
  CHECK(news[1].lagged);
  CHECK(news[1].changes.empty());
  CHECK(news[1].revision == 51);
  CHECK_FALSE(news[2].lagged);
  CHECK(news[2].changes == std::vector<change>{{52, change_kind::put, {"test", "later"}, "1", {}}});
  // A scan after the news has everything up to the revision that was told.
  CHECK(store->scan({"test", "", "", 100})->entries.size() == 52);
}

TEST_CASE("kv contract: watchers are bounded and may end themselves", "[kv]") {
  tested_store store{GENERATE(from_range(backend_names()))};
  if (!store.has().watch)
    return;
  std::vector<std::unique_ptr<watch_subscription>> watches;
  std::string refusal;
  while (refusal.empty() && watches.size() <= watchers_max) {
    auto one = store->watch({}, [](auto) {});
    if (one)
      watches.push_back(std::move(*one));
    else
      refusal = failure(one);
  }
  CHECK(refusal == "rate_limited ");
  CHECK(watches.size() >= watchers_max - 1);
  watches.clear();
  std::promise<void> ended, assigned;
  auto ready = assigned.get_future().share();
  std::unique_ptr<watch_subscription> own;
  auto made = store->watch({}, [&, ready](auto) {
    ready.wait();
    own.reset();
    ended.set_value();
  });
  REQUIRE(made);
  own = std::move(*made);
  assigned.set_value();
  REQUIRE(store->put(doc("a")));
  ended.get_future().wait();
}

TEST_CASE("kv contract: a watch outlives its store", "[kv]") {
  auto name = GENERATE(from_range(backend_names()));
  coppice::testing::temp_folder folder;
  auto store = open_backend(name, folder / "kv.db", {});
  if (!store->properties().watch)
    return;
  listener ears;
  auto watch = store->watch({"", "", 0}, ears.callback());
  REQUIRE(watch);
  REQUIRE(store->put(doc("a")));
  store.reset();
  REQUIRE(ears.wait_for(1));
  CHECK(ears.changes().size() == 1);
}
