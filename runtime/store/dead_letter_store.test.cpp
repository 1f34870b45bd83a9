#include "runtime/store/dead_letter_store.hpp"
#include "runtime/store/dead_letter_core.hpp"
#include "runtime/store/sqlite_file.hpp"
#include "runtime/store/testing.hpp"

#include <catch2/catch_test_macros.hpp>

#include <future>

using namespace coppice;
using namespace coppice::store;
using namespace std::chrono_literals;
using coppice::testing::manual_clock;
using coppice::testing::temp_folder;

namespace {

struct fixture {
  temp_folder folder;
  manual_clock time;
  std::shared_ptr<sqlite_file> file;
  std::shared_ptr<dead_letter_store> letters;

  explicit fixture(dead_letter_options options = {}) {
    auto opened = sqlite_file::open({.path = folder / "d.db"});
    REQUIRE(opened);
    file = *opened;
    auto made = dead_letter_store::open(file, options, time);
    REQUIRE(made);
    letters = *made;
  }

  result<std::string> add(dead_letter x) {
    std::promise<result<std::string>> answer;
    letters->add(std::move(x), [&](result<std::string> id) { answer.set_value(std::move(id)); });
    return answer.get_future().get();
  }

  void settle() {
    REQUIRE(file->run([](database&) -> result<void> { return {}; }));
  }
};

dead_letter letter(const std::string& reason, const std::string& subject = "/user/a") {
  return {
    .reason = reason, .origin = "actor", .subject = subject, .type = "demo.x", .payload = "{}"};
}

} // namespace

TEST_CASE("storm limit: the first of each second pass, the rest is counted", "[store]") {
  storm_limit limit{3};
  int passed = 0;
  for (int i = 0; i < 10; ++i)
    passed += limit.admit(5s + i * 1ms) ? 1 : 0;
  CHECK(passed == 3);
  CHECK(limit.refused() == 7);
  CHECK_FALSE(limit.admit(5s + 999ms));
  CHECK(limit.admit(6s));
  CHECK(limit.admit(6s));
  CHECK(limit.admit(6s));
  CHECK_FALSE(limit.admit(6s + 1ns));
  CHECK(limit.admit(100s));
  storm_limit none{0};
  CHECK_FALSE(none.admit(0s));
}

TEST_CASE("dead letters: everything that was put in comes out", "[store]") {
  fixture f;
  dead_letter x{.id = "one",
                .at = {1'000},
                .reason = "handler threw",
                .origin = "actor",
                .subject = "/user/edge/host",
                .type = "edge.set_interval",
                .attempts = 3,
                .payload = std::string("\0\xff{}", 4),
                .headers = {{"a", "1"}, {"A", "\"2\""}},
                .trace_id = "4bf92f3577b34da6a3ce929d0e0e4736",
                .size = 0,
                .stack = {"f()", "g()"}};
  REQUIRE(f.add(x));
  auto back = f.letters->get("one");
  REQUIRE(back);
  x.size = 4;
  CHECK(*back == x);
  REQUIRE(f.add(x));
  CHECK(f.letters->list({})->size() == 1);
  auto made = f.add(letter("r"));
  REQUIRE(made);
  CHECK(made->size() == 36);
  CHECK(f.letters->get(*made)->at == f.time.now());
  CHECK(f.letters->get("nobody").error().code == errc::not_found);
  CHECK(f.letters->stats().waiting == 2);
}

TEST_CASE("dead letters: filters, paging and summary", "[store]") {
  fixture f;
  for (int i = 0; i < 6; ++i) {
    auto x = letter(i % 2 == 0 ? "crash" : "mailbox_full", i < 3 ? "/user/a" : "edge.alpha.x");
    x.id = "l" + std::to_string(i);
    REQUIRE(f.add(x));
  }
  auto ids = [&](dead_letter_filter filter) {
    auto found = f.letters->list(filter);
    REQUIRE(found);
    std::string out;
    for (auto& x : *found) {
      out += x.id;
      CHECK(x.payload.empty());
    }
    return out;
  };
  CHECK(ids({}) == "l5l4l3l2l1l0");
  CHECK(ids({.limit = 2}) == "l5l4");
  CHECK(ids({.after_id = "l4", .limit = 2}) == "l3l2");
  CHECK(ids({.reason = "crash"}) == "l4l2l0");
  CHECK(ids({.subject = "/user/*"}) == "l2l1l0");
  CHECK(ids({.subject = "edge.alpha.x", .type = "demo.x"}) == "l5l4l3");
  CHECK(ids({.origin = "bridge"}).empty());
  CHECK(f.letters->list({.limit = 0}).error().code == errc::out_of_range);
  REQUIRE(f.letters->drop("l5"));
  CHECK(ids({.state = dead_letter_state::dropped}) == "l5");
  CHECK(ids({.state = std::nullopt, .limit = 1}) == "l5");
  auto summary = f.letters->summary();
  REQUIRE(summary);
  REQUIRE(summary->size() == 4);
  CHECK((*summary)[0].count == 2);
  CHECK((*summary)[0].reason == "crash");
  CHECK((*summary)[0].subject == "/user/a");
}

TEST_CASE("dead letters: replaying and dropping happen once", "[store]") {
  fixture f;
  auto id = *f.add(letter("r"));
  CHECK(*f.letters->mark_replayed(id, "/user/a"));
  CHECK_FALSE(*f.letters->mark_replayed(id, "/user/b"));
  CHECK(f.letters->get(id)->replayed_to == "/user/a");
  CHECK(f.letters->drop(id).error().code == errc::conflict);
  REQUIRE(f.letters->release(id));
  CHECK(f.letters->get(id)->state == dead_letter_state::waiting);
  CHECK(*f.letters->drop(id));
  CHECK_FALSE(*f.letters->drop(id));
  CHECK(f.letters->mark_replayed(id, "x").error().code == errc::conflict);
  CHECK(f.letters->mark_replayed("nobody", "x").error().code == errc::not_found);
  CHECK(f.letters->release("nobody").error().code == errc::not_found);
  CHECK(f.letters->stats().waiting == 0);
}

TEST_CASE("dead letters: a storm is counted", "[store]") {
  fixture f;
  for (int i = 0; i < 500; ++i)
    f.letters->add(letter("storm"));
  f.settle();
  auto stats = f.letters->stats();
  CHECK(stats.stored == 100);
  CHECK(stats.storm_dropped == 400);
  f.letters->count_only();
  CHECK(f.letters->stats().storm_dropped == 401);
  CHECK(f.add(letter("storm")).error().code == errc::rate_limited);
  f.time.advance(1s);
  CHECK(f.add(letter("storm")));
}

TEST_CASE("dead letters: at the ceiling the oldest go", "[store]") {
  fixture f{{.count_max = 10, .per_second_max = 1000, .payload_max = 100}};
  for (int i = 0; i < 50; ++i) {
    auto x = letter("r");
    x.id = std::to_string(i);
    f.letters->add(x);
  }
  f.settle();
  auto left = f.letters->list({});
  REQUIRE(left);
  CHECK(left->size() == 10);
  CHECK(left->front().id == "49");
  CHECK(f.letters->stats().evicted == 40);
  auto big = letter("r");
  big.payload = std::string(500, 'x');
  auto id = f.add(big);
  REQUIRE(id);
  CHECK(f.letters->get(*id)->payload.size() == 100);
  CHECK(f.letters->get(*id)->size == 500);
}

TEST_CASE("dead letters: the ceiling in bytes", "[store]") {
  fixture f{{.count_max = 100, .bytes_max = 1000, .per_second_max = 1000}};
  for (int i = 0; i < 40; ++i) {
    auto x = letter("r");
    x.payload = std::string(100, 'x');
    f.letters->add(x);
  }
  f.settle();
  CHECK(f.letters->list({})->size() <= 16);
  CHECK(f.letters->stats().evicted >= 24);
}
