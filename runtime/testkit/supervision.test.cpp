#include "runtime/testkit/test_actors.test.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace kit;
using namespace coppice;
using coppice::supervision::child_state;

TEST_CASE("child: a crash restarts it, and its handle and mailbox stay", "[testkit]") {
  fixture x;
  auto counter = x.world.child("kit.counter");
  auto handle = counter.handle();
  x.me.send(counter, add{1});
  x.me.send(counter, add{-1});
  x.me.send(counter, add{5});
  x.world.run();
  CHECK(counter.restarts() == 1);
  CHECK(counter.incarnation() == 2);
  CHECK(counter.handle() == handle);
  CHECK(counter.last_reason() == "std::invalid_argument: cannot add -1");
  // What waited was handled by the new one.
  CHECK(x.me.request<total>(counter, get{}).n == 5);
  auto dead = x.world.dead_letters();
  REQUIRE(dead.size() == 1);
  CHECK(dead[0].to == "/user/counter");
  CHECK(dead[0].type == "kit.add");
  CHECK(dead[0].body == "{\"n\":-1}");
  REQUIRE(counter.history().size() == 1);
  CHECK(counter.history()[0].message_type == "kit.add");
}

TEST_CASE("child: crashes on demand", "[testkit]") {
  fixture x;
  auto counter = x.world.child("kit.counter");
  counter.crash_on<add>(2, "the disk is gone");
  CHECK(x.me.request<total>(counter, get{}).n == 0);
  CHECK(x.me.request_error(counter, add{1}).code == errc::actor_crashed);
  CHECK(counter.last_reason() == "coppice::testkit::injected_crash: the disk is gone");
  CHECK(x.me.request_error(counter, add{1}).code == errc::actor_crashed);
  CHECK(x.me.request<total>(counter, add{1}).n == 1);
  CHECK(counter.restarts() == 2);
  counter.crash_on<add>();
  counter.crash_on<add>(0);
  CHECK(x.me.request<total>(counter, add{1}).n == 2);
  CHECK(failure_of([&] { x.world.at("/user/none").crash_on<add>(); }).find("none")
        != std::string::npos);
}

TEST_CASE("child: poison is tried again as often as the spec says", "[testkit]") {
  fixture x;
  auto counter = x.world.child("kit.counter", "{}", {.poison_retries = 2});
  counter.crash_on<add>(2);
  CHECK(x.me.request<total>(counter, add{1}).n == 1);
  CHECK(counter.restarts() == 2);
  CHECK(x.world.dead_letters().empty());
}

TEST_CASE("child: backoff is waited for on the world's clock", "[testkit]") {
  fixture x;
  supervision::child_spec spec;
  spec.backoff = supervision::backoff_spec{.min = 1s, .max = 8s, .jitter = 0};
  auto counter = x.world.child("kit.counter", "{}", spec);
  counter.crash();
  CHECK(counter.state() == child_state::backoff);
  auto open = x.me.ask<total>(counter, get{});
  x.world.advance(999ms);
  CHECK(counter.state() == child_state::backoff);
  CHECK_FALSE(open.answered());
  x.world.advance(1ms);
  CHECK(counter.state() == child_state::running);
  CHECK(open.get().n == 0);
  counter.crash();
  x.world.advance(1999ms);
  CHECK(counter.state() == child_state::backoff);
  x.world.advance(1ms);
  CHECK(counter.state() == child_state::running);
}

TEST_CASE("child: too many crashes, and its supervisor gives up", "[testkit]") {
  fixture x;
  auto pool = x.world.supervisor("pool", {supervision::strategy::one_for_one, 1, 5s},
                                 coppice::tree{}.child("a", "kit.counter", no_args{}));
  auto a = x.world.at("/user/pool/a");
  a.crash();
  CHECK(a.restarts() == 1);
  x.world.advance(6s);
  a.crash();
  CHECK(pool.restarts() == 0);
  a.crash();
  // The supervisor above starts it anew.
  CHECK(pool.restarts() == 1);
  CHECK(a.restarts() == 0);
  CHECK(a.state() == child_state::running);
}

TEST_CASE("child: a full mailbox refuses", "[testkit]") {
  fixture x;
  supervision::child_spec spec;
  spec.mailbox.limit = 2;
  auto counter = x.world.child("kit.counter", "{}", spec);
  counter.suspend();
  CHECK(counter.state() == child_state::suspended);
  for (int i = 0; i < 3; ++i)
    x.me.send(counter, add{1});
  CHECK(x.me.request_error(counter, get{}).code == errc::mailbox_full);
  CHECK(counter.mailbox() == 2);
  REQUIRE(x.world.dead_letters().size() == 1);
  CHECK(x.world.dead_letters()[0].reason == "mailbox_full");
  counter.resume();
  CHECK(x.me.request<total>(counter, get{}).n == 2);
}

TEST_CASE("child: stopped, restarted and killed by hand", "[testkit]") {
  fixture x;
  auto counter = x.world.child("kit.counter");
  x.me.monitor(counter);
  x.me.request<total>(counter, add{1});
  counter.restart();
  CHECK(counter.incarnation() == 2);
  CHECK(x.me.request<total>(counter, get{}).n == 0);
  counter.kill();
  CHECK(counter.incarnation() == 3);
  x.me.expect_nothing();
  counter.stop();
  x.me.expect<caf::down_msg>();
  CHECK(counter.state() == child_state::stopped);
  CHECK(failure_of([&] { counter.handle(); })
        == "nothing runs at /user/counter: it is stopped after shutdown");
  counter.restart();
  CHECK(counter.state() == child_state::running);
  auto once = x.world.child("kit.counter", "{}",
                            {.id = "once", .restart = supervision::restart_type::temporary});
  once.crash();
  CHECK_FALSE(once.exists());
}

TEST_CASE("child: timers of an earlier incarnation do not fire", "[testkit]") {
  fixture x;
  auto ticker = x.world.child("kit.ticker");
  x.world.advance(900ms);
  ticker.crash();
  x.world.advance(900ms);
  CHECK(x.me.request<total>(ticker, get{}).n == 0);
  x.world.advance(100ms);
  CHECK(x.me.request<total>(ticker, get{}).n == 1);
}
