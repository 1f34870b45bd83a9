#include "runtime/testkit/test_actors.test.hpp"

#include <catch2/catch_test_macros.hpp>

#include <algorithm>

using namespace kit;
using namespace coppice;

namespace {

store::append_request request_of(std::string stream, std::vector<std::string> ids) {
  store::append_request out;
  out.stream = std::move(stream);
  for (auto& id : ids) {
    store::new_event x;
    x.id = id;
    x.type = "kit.thing";
    x.data = "{\"id\":\"" + id + "\"}";
    out.events.push_back(std::move(x));
  }
  return out;
}

} // namespace

TEST_CASE("bus: what actors publish is kept and delivered", "[testkit]") {
  fixture x;
  auto reader = x.world.child("kit.reader", "{\"subject\":\"kit.>\"}");
  x.world.child("kit.ticker");
  x.world.advance(3s);
  auto ticks = x.world.published("kit.*");
  REQUIRE(ticks.size() == 3);
  CHECK(ticks[2].event.type == "kit.tick");
  CHECK(ticks[2].event.data == "{\"n\":3}");
  CHECK(x.world.published("edge.>").empty());
  CHECK(x.me.request<total>(reader, get{}).n == 6);
  x.world.publish("kit.other", "kit.tick", total{10});
  CHECK(x.me.request<total>(reader, get{}).n == 16);
  CHECK(failure_of([&] { x.world.publish("a b", "kit.tick", total{1}); }).find("a b")
        != std::string::npos);
  CHECK_FALSE(failure_of([&] { x.world.published("a..b"); }).empty());
}

TEST_CASE("bus: a live subscription ends with its actor", "[testkit]") {
  fixture x;
  auto reader = x.world.child("kit.reader", "{\"subject\":\"kit.ticks\"}");
  reader.stop();
  x.world.publish("kit.ticks", "kit.tick", total{1});
  reader.restart();
  x.world.publish("kit.ticks", "kit.tick", total{2});
  CHECK(x.me.request<total>(reader, get{}).n == 2);
}

TEST_CASE("bus: a durable subscription gets what it missed, shares, and tries again", "[testkit]") {
  fixture x;
  x.world.publish("kit.ticks", "kit.tick", total{1});
  auto a = x.world.child("kit.reader", "{\"subject\":\"kit.>\",\"durable\":\"sums\"}", {.id = "a"});
  CHECK(x.me.request<total>(a, get{}).n == 1);
  a.stop();
  x.world.publish("kit.ticks", "kit.tick", total{2});
  a.restart();
  CHECK(x.me.request<total>(a, get{}).n == 2);
  auto b = x.world.child("kit.reader", "{\"subject\":\"kit.>\",\"durable\":\"sums\"}", {.id = "b"});
  for (int i = 0; i < 4; ++i)
    x.world.publish("kit.ticks", "kit.tick", total{10});
  CHECK(x.me.request<total>(a, get{}).n == 22);
  CHECK(x.me.request<total>(b, get{}).n == 20);
  b.stop();
  // A crash while it is handled: again after 200 ms.
  a.crash_on<event_message>();
  x.world.publish("kit.ticks", "kit.tick", total{5});
  CHECK(a.restarts() == 2); // One of them by hand.
  CHECK(x.me.request<total>(a, get{}).n == 0);
  x.world.advance(200ms);
  CHECK(x.me.request<total>(a, get{}).n == 5);
  CHECK(x.world.dead_letters().size() == 1); // The message, not the event.
}

TEST_CASE("bus: an event that nobody can take is a dead letter", "[testkit]") {
  fixture x;
  auto a = x.world.child("kit.reader", "{\"subject\":\"kit.>\",\"durable\":\"sums\"}");
  x.world.publish("kit.ticks", "kit.tick", "{\"n\":-1}");
  x.world.advance(10s);
  auto dead = x.world.dead_letters();
  REQUIRE(dead.size() == 4); // A message for each of three deliveries, and the event.
  auto event = std::find_if(dead.begin(), dead.end(), [](auto& y) { return y.to == "kit.ticks"; });
  REQUIRE(event != dead.end());
  CHECK(event->type == "kit.tick");
  CHECK(event->attempts == 3);
  CHECK(event->reason.find("a bad event") != std::string::npos);
}

TEST_CASE("bus: an outage is an error of publish", "[testkit]") {
  fixture x;
  x.world.fail_publishing(error{errc::unavailable, "no bus", {}, {}});
  x.world.child("kit.ticker");
  x.world.advance(1s);
  CHECK(x.world.published().empty());
  x.world.fail_publishing(std::nullopt);
  x.world.advance(1s);
  CHECK(x.world.published().size() == 1);
}

TEST_CASE("store: the real interface, in memory, at once", "[testkit]") {
  fixture x;
  auto& store = x.world.store();
  auto first = store.append(request_of("acct-1", {"a", "b"}));
  REQUIRE(first);
  CHECK(first->version == 2);
  CHECK(store.head() == 2);
  auto again = store.append(request_of("acct-1", {"a", "b"}));
  REQUIRE(again);
  CHECK(again->version == first->version);
  auto late = request_of("acct-1", {"c"});
  late.expected = store::expected_version::exact(1);
  CHECK(store.append(late).error().code == errc::conflict);
  CHECK(store.stream_version("acct-1").value() == 2);
  auto all = store.read("acct-1", 1, 10);
  REQUIRE(all);
  REQUIRE(all->size() == 2);
  CHECK((*all)[1].data == "{\"id\":\"b\"}");
  CHECK((*all)[1].time == x.world.now());
  CHECK(store.read("acct-1", 0, 1, true)->front().id == "b");
  CHECK(store.read("acct-2", 1, 1).error().code == errc::not_found);
  // Each world has a store of its own, and a callback may append again.
  size_t done = 0;
  store.append(request_of("acct-2", {"d"}), [&](result<store::append_result> one) {
    REQUIRE(one);
    ++done;
    store.append(request_of("acct-2", {"e"}), [&](result<store::append_result> two) {
      REQUIRE(two);
      ++done;
    });
  });
  CHECK(done == 2);
}
