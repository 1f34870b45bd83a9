// What goes beyond OTP: backoff, children stopped by hand, restarts by hand, several crashes at a time.
#include "runtime/supervision/core/core_driver.test.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;
using namespace std::chrono_literals;

TEST_CASE("backoff: the delay doubles from min to max and does not count", "[supervision]") {
  auto t = with_abc("one_for_one intensity=0", "backoff=100ms..350ms");
  CHECK(t("crash a") == "arm t1 100ms");
  CHECK(t.tree() == "a:backoff b:running c:running");
  CHECK(t.view("a").next_delay == 100ms);
  CHECK(t("fire t1") == "restart a");
  CHECK(t.all("ok a", "crash a") == "arm t2 200ms");
  CHECK(t("fire t2") == "restart a");
  CHECK(t("fail a") == "arm t3 350ms");
  CHECK(t.all("fire t3", "ok a", "crash a") == "arm t4 350ms");
  CHECK(t.core().restarts_in_window(t.now) == 0);
}

TEST_CASE("backoff: the delay returns to min after running for reset_after, max by default",
          "[supervision]") {
  auto t = with_abc("one_for_one", "backoff=100ms..1s");
  t.all("crash a", "fire t1", "ok a", "at 999ms", "crash a", "fire t2", "at 2s", "ok a");
  CHECK(t.all("at 3s", "crash a") == "arm t3 100ms");
  auto s = with_abc("one_for_one", "backoff=100ms..1s reset_after=50ms");
  s.all("crash a", "fire t1", "ok a", "at 49ms");
  CHECK(s("crash a") == "arm t2 200ms");
  s.all("fire t2", "ok a", "at 99ms");
  CHECK(s("crash a") == "arm t3 100ms");
}

TEST_CASE("backoff: past give_up_after each delayed restart counts", "[supervision]") {
  auto t = with_abc("one_for_one intensity=1",
                    "shutdown=infinity backoff=1s..1s give_up_count=2 reset_after=1h");
  t.all("crash a", "fire t1", "ok a", "crash a", "fire t2", "ok a");
  CHECK(t.core().restarts_in_window(t.now) == 0);
  CHECK(t("crash a") == "arm t3 1s");
  CHECK(t.core().restarts_in_window(t.now) == 1);
  CHECK(t.all("fire t3", "ok a", "crash a") == "stop c");
  auto s = with_abc("one_for_one intensity=0",
                    "shutdown=infinity backoff=1s..1s give_up_time=3s reset_after=1h");
  s.all("crash a", "fire t1", "ok a", "at 3s", "crash a", "fire t2", "ok a", "at 3001ms");
  CHECK(s("crash a") == "stop c");
}

TEST_CASE("backoff: jitter spreads the delay over its range and comes from the seed",
          "[supervision]") {
  backoff_spec spec;
  spec.min = spec.max = 1s;
  spec.jitter = 0.2;
  prng random{5}, again{5};
  duration low = 1h, high{0};
  for (int i = 0; i < 1000; ++i) {
    backoff_series series, other;
    auto delay = next_backoff(spec, series, true, 0s, random).delay;
    CHECK(delay == next_backoff(spec, other, true, 0s, again).delay);
    low = std::min(low, delay);
    high = std::max(high, delay);
  }
  CHECK(low >= 800ms);
  CHECK(low < 810ms);
  CHECK(high <= 1200ms);
  CHECK(high > 1190ms);
}

TEST_CASE("backoff: huge delays do not overflow", "[supervision]") {
  backoff_spec spec;
  spec.min = 1ns;
  spec.max = duration::max();
  spec.jitter = 1;
  prng random{1};
  backoff_series series;
  for (int i = 0; i < 200; ++i)
    CHECK(next_backoff(spec, series, false, 0s, random).delay > 0ns);
}

TEST_CASE("backoff: under one_for_all siblings stop first, then the delay, then the starts",
          "[supervision]") {
  auto t = with_abc("one_for_all", "shutdown=infinity backoff=100ms..1s");
  CHECK(t("crash b") == "stop c");
  CHECK(t("gone c") == "stop a");
  CHECK(t("gone a") == "arm t1 100ms");
  CHECK(t.tree() == "a:restarting b:backoff c:restarting");
  CHECK(t("fire t1") == "restart a");
  CHECK(t("ok a") == "restart b");
}

TEST_CASE("backoff: rest_for_one grows over a delay when an earlier child crashes",
          "[supervision]") {
  auto t = with_abc("rest_for_one", "shutdown=infinity backoff=1s..1s");
  t.all("crash b", "gone c");
  CHECK(t.all("at 400ms", "crash a") == "cancel t1; arm t2 1s");
  CHECK(t("fire t2") == "restart a");
}

TEST_CASE("by hand: a restart during the delay starts at once and counts nothing",
          "[supervision]") {
  auto t = with_abc("one_for_one intensity=0", "backoff=1s..8s");
  t("crash a");
  CHECK(t("restart a #4") == "cancel t1; restart a");
  CHECK(t("ok a") == "done #4 ok");
  CHECK(t.core().restarts_in_window(t.now) == 0);
  auto s = with_abc("one_for_all intensity=0", "shutdown=infinity backoff=1s..8s");
  s.all("crash a", "gone c", "gone b");
  CHECK(s("restart a #4") == "cancel t1; restart a");
}

TEST_CASE("by hand: a running child is stopped and started, its siblings are left alone",
          "[supervision]") {
  for (auto flags :
       {"one_for_one intensity=0", "one_for_all intensity=0", "rest_for_one intensity=0"}) {
    auto t = with_abc(flags, "shutdown=infinity");
    CHECK(t("restart a #1") == "stop a");
    CHECK(t("restart a #2") == "error refused");
    CHECK(t("gone a") == "restart a");
    CHECK(t("ok a") == "done #1 ok");
    CHECK(t.view("a").restarts == 1);
  }
}

TEST_CASE("by hand: when the start of a child that ran fails, the ordinary rules go on",
          "[supervision]") {
  auto t = with_abc("one_for_one intensity=1", "shutdown=infinity");
  t.all("restart a #1", "gone a");
  CHECK(t("fail a") == "done #1 actor_crashed; restart a");
  CHECK(t.core().restarts_in_window(t.now) == 1);
}

TEST_CASE("by hand: a child that hangs while it starts can be restarted and stopped",
          "[supervision]") {
  auto t = with_abc("one_for_one intensity=0", "shutdown=infinity");
  t("add d #1");
  CHECK(t("restart d #2") == "stop d; arm t1 5s");
  CHECK(t("gone d") == "cancel t1; start d");
  CHECK(t("ok d") == "done #1 ok; done #2 ok");
  t("restart a");
  t("gone a");
  CHECK(t("terminate a #3") == "stop a");
  CHECK(t("ok a") == "");
  CHECK(t("gone a") == "done #3 ok");
}

TEST_CASE("by hand: a stopped child stays stopped when its siblings are restarted",
          "[supervision]") {
  for (auto flags : {"one_for_all", "rest_for_one"}) {
    auto t = with_abc(flags, "shutdown=infinity");
    t.all("terminate b", "gone b");
    CHECK(t("crash a") == "stop c");
    CHECK(t("gone c") == "restart a");
    CHECK(t("ok a") == "restart c");
    CHECK(t("ok c") == "");
    CHECK(t.tree() == "a:running b:stopped c:running");
  }
}

TEST_CASE("by hand: a child stopped while its group restarts stays stopped", "[supervision]") {
  auto t = with_abc("one_for_all", "shutdown=infinity");
  t("crash a");
  CHECK(t("terminate c #1") == "");
  CHECK(t("gone c") == "done #1 ok; stop b");
  CHECK(t("terminate a #2") == "done #2 ok");
  CHECK(t("gone b") == "restart b");
  CHECK(t("ok b") == "");
  CHECK(t.tree() == "a:stopped b:running c:stopped");
}

TEST_CASE("by hand: stopping the child that a group waits for ends the delay", "[supervision]") {
  auto t = with_abc("one_for_all", "shutdown=infinity backoff=1h..1h");
  t.all("crash a", "gone c", "gone b");
  CHECK(t("terminate a") == "cancel t1; restart b");
}

TEST_CASE("group: a crash while the group is being stopped does not count", "[supervision]") {
  auto t = with_abc("one_for_all intensity=1", "shutdown=infinity");
  CHECK(t("crash a") == "stop c");
  CHECK(t("crash b") == "");
  CHECK(t("gone c") == "restart a");
  CHECK(t.core().restarts_in_window(t.now) == 1);
}

TEST_CASE("group: a crash while the group is being started counts and begins again",
          "[supervision]") {
  auto t = with_abc("one_for_all intensity=2", "shutdown=infinity");
  t.all("crash a", "gone c", "gone b", "ok a");
  CHECK(t("crash a") == "stop b");
  CHECK(t("ok b") == "");
  CHECK(t("gone b") == "restart a");
  CHECK(t.core().restarts_in_window(t.now) == 2);
}

TEST_CASE("group: an earlier child's crash makes a rest_for_one restart longer", "[supervision]") {
  auto t = with_abc("rest_for_one intensity=5", "shutdown=infinity");
  t("crash b");
  CHECK(t("crash a") == "");
  CHECK(t("gone c") == "restart a");
  CHECK(t("ok a") == "restart b");
}

TEST_CASE("one_for_one: only one start is outstanding; crashes meanwhile wait in their order",
          "[supervision]") {
  auto t = with_abc("one_for_one intensity=5");
  CHECK(t("crash b") == "restart b");
  CHECK(t("crash c") == "");
  CHECK(t("crash a") == "");
  CHECK(t("add d #1") == "");
  CHECK(t("ok b") == "restart c");
  CHECK(t("ok c") == "restart a");
  CHECK(t("ok a") == "start d");
}

TEST_CASE("stop: a start, a delay or a restart under way ends cleanly", "[supervision]") {
  core_driver t;
  t.quiet = true;
  t.all("child a shutdown=infinity", "child b shutdown=2s", "start", "ok a");
  CHECK(t("stop") == "stop b; arm t1 2s");
  CHECK(t("fire t1") == "kill b");
  CHECK(t("fail b") == "stop a");
  CHECK(t("gone a") == "ENDED requested");

  auto s = with_abc("one_for_one", "shutdown=infinity backoff=1s..1s");
  s.all("crash b", "crash c");
  CHECK(s("stop") == "cancel t2; cancel t1; stop a");
  CHECK(s("gone a") == "ENDED requested");

  auto g = with_abc("one_for_all", "shutdown=infinity");
  g("crash a");
  CHECK(g("stop") == "");
  CHECK(g("gone c") == "stop b");
  CHECK(g("gone b") == "ENDED requested");
}

TEST_CASE("stop: a child that crashes meanwhile just counts as ended", "[supervision]") {
  auto t = with_abc("one_for_one intensity=0", "shutdown=infinity");
  t.quiet = false;
  t("stop");
  CHECK(t("crash a") == "report not_restarted a (boom); discard a");
  CHECK(t("gone c") == "discard c; stop b");
  CHECK(t("crash b") == "discard b; ENDED requested (asked)");
}

TEST_CASE("stop: commands that wait are answered, later ones are refused", "[supervision]") {
  auto t = with_abc("one_for_one", "shutdown=infinity");
  t.all("crash a", "add d #1", "restart b #2");
  CHECK(t("stop") == "done #1 actor_stopped; stop c");
  CHECK(t("gone c") == "");
  CHECK(t("gone b") == "done #2 actor_stopped; stop a");
  CHECK(t("add e #3") == "error actor_stopped");
  CHECK(t("terminate c #4") == "error actor_stopped");
  CHECK(t("restart c #5") == "error actor_stopped");
  CHECK(t("delete c") == "error refused");
  CHECK(t("gone a") == "ENDED requested");
  CHECK(t("crash a") == "");
}

TEST_CASE("a late report about a child that is gone is ignored", "[supervision]") {
  auto t = with_abc("one_for_one", "temporary");
  auto old = t.ref("a");
  t("crash a");
  t("add d");
  CHECK(t.ref("d").slot == old.slot);
  supervisor_core::effects out;
  t.core().ended(old, {exit_kind::abnormal, "late"}, t.now, out);
  t.core().started(old, {}, t.now, out);
  t.core().start_failed({77, 1}, "late", t.now, out);
  t.core().timer_fired(0, t.now, out);
  t.core().timer_fired(12345, t.now, out);
  CHECK(out.empty());
  CHECK(t.tree() == "b:running c:running d:starting");
}

TEST_CASE("a suspended child stays so over restarts, until it is resumed or stopped by hand",
          "[supervision]") {
  auto t = with_abc("one_for_one");
  CHECK(t("resume a") == "error refused");
  CHECK(t("suspend a") == "");
  CHECK(t("suspend a") == "error refused");
  CHECK(t.tree() == "a:suspended b:running c:running");
  t.all("crash a");
  CHECK(t("suspend a") == "error actor_stopped");
  t("ok a");
  CHECK(t.tree() == "a:suspended b:running c:running");
  CHECK(t("resume a") == "");
  CHECK(t.tree() == "a:running b:running c:running");
  CHECK(t("suspend a") == "");
  t("terminate a #1");
  t("gone a");
  t("restart a #2");
  t("ok a");
  CHECK(t.tree() == "a:running b:running c:running");
  CHECK(t("suspend zz") == "error not_found");
}

TEST_CASE("limits of a running child and of the supervisor change in place", "[supervision]") {
  auto t = with_abc("one_for_one intensity=1");
  auto fresh = *t.view("a").spec;
  fresh.shutdown.what = shutdown_spec::kind::brutal_kill;
  CHECK(t.core().update_spec(t.ref("a"), std::make_shared<const child_spec>(fresh)));
  CHECK(t("terminate a") == "kill a");
  fresh.id = "other";
  auto renamed = std::make_shared<const child_spec>(fresh);
  CHECK(t.core().update_spec(t.ref("a"), renamed).error().code == errc::invalid_config);
  CHECK(t.core().update_spec(t.ref("a"), nullptr).error().code == errc::invalid_config);
  t.all("crash b", "ok b");
  auto flags = t.core().flags();
  flags.strategy = strategy::simple_one_for_one;
  CHECK(t.core().update_flags(flags).error().code == errc::invalid_config);
  flags.strategy = strategy::one_for_all;
  flags.intensity = 2;
  CHECK(t.core().update_flags(flags));
  CHECK(t.core().restarts_in_window(t.now) == 1);
  CHECK(t("crash b") == "stop c; arm t1 5s");
}

TEST_CASE("a significant child counts from the moment its spec says so", "[supervision]") {
  auto t = with_abc("one_for_one auto=all_significant", "transient shutdown=infinity");
  auto spec = *t.view("a").spec;
  spec.significant = true;
  CHECK(t.core().update_spec(t.ref("a"), std::make_shared<const child_spec>(spec)));
  CHECK(t("exit b normal") == "");
  CHECK(t("exit a normal") == "stop c");
}

TEST_CASE("commands waiting for one child are bounded", "[supervision]") {
  auto t = with_abc("one_for_one", "shutdown=infinity");
  for (int i = 1; i <= 1000; ++i)
    REQUIRE(t("terminate a #" + std::to_string(i)).find("error") == std::string::npos);
  CHECK(t("terminate a #1001") == "error refused");
}
