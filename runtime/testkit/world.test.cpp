#include "runtime/base/clock.hpp"
#include "runtime/base/prng.hpp"
#include "runtime/testkit/test_actors.test.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace kit;
using namespace coppice;
using coppice::supervision::child_state;

TEST_CASE("world: an actor of the catalog starts and answers", "[testkit]") {
  fixture x;
  auto counter = x.world.child("kit.counter");
  CHECK(counter.path() == "/user/counter");
  CHECK(counter.state() == child_state::running);
  CHECK(counter.incarnation() == 1);
  CHECK(x.me.request<total>(counter, add{2}).n == 2);
  CHECK(x.me.request<total>(counter, add{3}).n == 5);
  CHECK(counter.described() == json::value(json::object{{"n", 5}}));
  CHECK(x.world.node().path_of(caf::actor_cast<caf::strong_actor_ptr>(counter.handle()))
        == "alpha:/user/counter");
}

TEST_CASE("world: arguments in C++, children in a tree, functions outside the catalog",
          "[testkit]") {
  fixture x;
  auto ticker = x.world.child("kit.ticker", ticker_args{5s}, {.id = "slow"});
  CHECK(ticker.path() == "/user/slow");
  auto pool = x.world.supervisor(
    "pool", {supervision::strategy::one_for_all, 3, 10s},
    coppice::tree{}.child("a", "kit.counter", no_args{}).child("b", "kit.counter", no_args{}));
  CHECK(pool.state() == child_state::running);
  auto a = x.world.at("/user/pool/a");
  auto b = x.world.at("/user/pool/b");
  a.crash();
  CHECK(a.incarnation() == 2);
  CHECK(b.incarnation() == 2);
  auto echo = x.world.child_of({.id = "echo"}, [](caf::event_based_actor*) {
    return caf::behavior{[](int32_t n) { return n + 1; }};
  });
  CHECK(x.me.request<int32_t>(echo, int32_t{1}) == 2);
}

TEST_CASE("world: what cannot be started says why", "[testkit]") {
  fixture x;
  CHECK(x.world.try_child("kit.countr").error().code == errc::unknown_type);
  CHECK(x.world.try_child("kit.ticker", "{\"interval\":5}").error().at == "/interval");
  auto text = failure_of([&] { x.world.child("kit.ticker", "{\"interval\":\"0s\"}"); });
  CHECK(text.find("interval must be above 0") != std::string::npos);
  CHECK(failure_of([&] { x.world.child("kit.counter", "{"); }).find("JSON") != std::string::npos);
  CHECK(failure_of([&] { x.world.at("/user/nobody").state(); }).find("nobody")
        != std::string::npos);
  x.world.child("kit.counter");
  CHECK(x.world.try_child("kit.counter").error().code == errc::already_exists);
}

TEST_CASE("world: time moves only when told to", "[testkit]") {
  fixture x;
  auto start = x.world.now();
  CHECK(to_string(start) == "2026-01-06T10:00:00Z");
  CHECK(system_clock().now() == start);
  auto ticker = x.world.child("kit.ticker", "{\"interval\":\"2s\"}");
  CHECK(x.world.next_timer() == duration{2s});
  x.world.run();
  CHECK(x.me.request<total>(ticker, get{}).n == 0);
  x.world.advance(1999ms);
  CHECK(x.me.request<total>(ticker, get{}).n == 0);
  x.world.advance(1ms);
  CHECK(x.me.request<total>(ticker, get{}).n == 1);
  // A long step fires each timer in its turn, at its own time.
  x.world.advance(1h);
  CHECK(x.me.request<total>(ticker, get{}).n == 1801);
  CHECK(x.world.now() == start + duration{1h + 2s});
  CHECK(x.world.published("kit.ticks").back().event.time == start + duration{1h + 2s});
  CHECK_FALSE(x.world.advance_until([] { return false; }, 3s));
  CHECK(x.world.advance_until([&] { return x.world.published().size() > 1803; }, 1min));
  CHECK(x.world.now() == start + duration{1h + 8s});
}

TEST_CASE("world: the real clock is back afterwards", "[testkit]") {
  { fixture x; }
  CHECK(system_clock().now() > *parse_instant("2026-01-06T11:00:00Z"));
  CHECK(random_seed() != random_seed());
}

TEST_CASE("world: one step is one message", "[testkit]") {
  fixture x;
  auto counter = x.world.child("kit.counter");
  for (int i = 0; i < 3; ++i)
    x.me.send(counter, add{1});
  CHECK(counter.mailbox() == 3);
  CHECK(x.world.step());
  CHECK(counter.mailbox() == 2);
  CHECK(x.world.run() == 2);
  CHECK(counter.mailbox() == 0);
  CHECK_FALSE(x.world.step());
}

TEST_CASE("world: what a type accepts is known, or the start is refused", "[testkit]") {
  {
    testkit::world world{+[](catalog& types) {
      types
        .actor("kit.knower",
               [](caf::event_based_actor*) { return caf::behavior{[](known x) { return x; }}; })
        .accepts<known>();
    }};
    CHECK(json::types().find("kit.known") != nullptr);
  }
  auto text = failure_of([&] {
    testkit::world world{+[](catalog& types) {
      types
        .actor("kit.stranger",
               [](caf::event_based_actor*) { return caf::behavior{[](stranger) {}}; })
        .accepts<stranger>();
    }};
  });
  CHECK(text.find("'kit.stranger' accepts") != std::string::npos);
  CHECK(text.find("add_block") != std::string::npos);
}

TEST_CASE("world: what never comes to rest is named", "[testkit]") {
  testkit::world world{{{add_to, add_messages}}, {.steps_max = 1000}};
  testkit::probe me{world};
  auto a = world.child("kit.counter", "{}", {.id = "a"});
  auto b = world.child("kit.counter", "{}", {.id = "b"});
  me.send(a, ball{b});
  auto text = failure_of([&] { world.run(); });
  CHECK(text.find("does not come to rest: 1000 steps") != std::string::npos);
  CHECK(text.find("/user/a 500 x kit.ball") != std::string::npos);
  CHECK(text.find("/user/b 500 x kit.ball") != std::string::npos);
  auto busy = failure_of([&] {
    world.child_of({.id = "busy"}, [](caf::event_based_actor* self) {
      auto again = [self](auto next) -> void { self->run_delayed(0s, [next] { next(next); }); };
      again(again);
      return caf::behavior{[](int32_t) {}};
    });
    world.advance(1s);
  });
  CHECK_FALSE(busy.empty());
}

TEST_CASE("world: the same seed gives the same course, another one another order", "[testkit]") {
  auto course = [](uint64_t seed) {
    testkit::world world{{{add_to, add_messages}}, {.shuffle = seed}};
    testkit::probe me{world};
    std::vector<testkit::child> all;
    for (int i = 0; i < 6; ++i)
      all.push_back(world.child_of(
        {.id = "n" + std::to_string(i)}, [i, to = caf::actor{me}](caf::event_based_actor* self) {
          return caf::behavior{[self, i, to](get) { self->send(to, total{i}); }};
        }));
    for (auto& child : all)
      me.send(child, get{});
    std::vector<int64_t> out;
    for (int i = 0; i < 6; ++i)
      out.push_back(me.expect<total>().n);
    return out;
  };
  CHECK(course(7) == course(7));
  CHECK(course(7) != std::vector<int64_t>{0, 1, 2, 3, 4, 5});
  CHECK(course(7) != course(8));
}

TEST_CASE("world: only one at a time", "[testkit]") {
  fixture x;
  CHECK(failure_of([] { testkit::world second; }).find("one world at a time") != std::string::npos);
}
