#include "runtime/telemetry/actor_support.test.hpp"
#include "runtime/telemetry/log.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::telemetry;
using namespace coppice::telemetry::test;
using caf::get_atom, caf::get_atom_v, caf::ok_atom, caf::ok_atom_v, caf::put_atom, caf::put_atom_v,
  caf::tick_atom, caf::tick_atom_v;

namespace {

// Sends, asks, delays: each kind of message that can descend from another.
caf::behavior first(caf::event_based_actor* self,
                    std::shared_ptr<std::function<caf::actor()>> other) {
  return {
    [=](ok_atom) {
      self->send((*other)(), ok_atom_v);
      self->request((*other)(), 10s, get_atom_v).then([](int) {});
      self->delayed_send(self, 1ms, tick_atom_v);
      self->run_delayed(1ms, [=] { self->send((*other)(), put_atom_v); });
    },
    [](tick_atom) {},
    [](put_atom) { throw std::runtime_error("boom"); },
    [=](get_atom) { return static_cast<int>(static_cast<bool>(current_trace())); },
  };
}

caf::behavior second(caf::event_based_actor*) {
  return {[](ok_atom) {}, [](get_atom) { return 1; }, [](put_atom) {}};
}

struct pair_tree {
  std::shared_ptr<std::function<caf::actor()>> other =
    std::make_shared<std::function<caf::actor()>>();
  supervision::test_tree tree{one_for_one({worker("a", first, other), worker("b", second)})};

  pair_tree() {
    *other = [this] { return tree.actor("/b"); };
  }
};

} // namespace

TEST_CASE("a trace follows messages, requests, answers and timers with the right parents",
          "[trace]") {
  pair_tree t;
  span_log seen{"/"};
  auto root = start_trace();
  send_traced(t.tree.actor("/a"), root, ok_atom_v);
  auto start = seen.handled("/a", "ok");
  REQUIRE(start);
  CHECK(start->trace.trace_id() == root.trace_id());
  CHECK(start->trace.parent == root.span);
  CHECK(start->how == origin::in);
  CHECK(start->peer.empty());
  auto sent = seen.handled("/b", "ok");
  REQUIRE(sent);
  CHECK(sent->trace.trace_id() == root.trace_id());
  CHECK(sent->trace.parent == start->trace.span);
  CHECK(sent->peer == "/a");
  auto asked = seen.handled("/b", "get");
  REQUIRE(asked);
  CHECK(asked->trace.parent == start->trace.span);
  auto answered = seen.handled("/a", "int32_t");
  REQUIRE(answered);
  CHECK(answered->trace.parent == asked->trace.span);
  CHECK(answered->peer == "/b");
  auto ticked = seen.handled("/a", "tick");
  REQUIRE(ticked);
  CHECK(ticked->how == origin::timer);
  CHECK(ticked->trace.parent == start->trace.span);
  auto timer = seen.handled("/a", "timer");
  REQUIRE(timer);
  CHECK(timer->how == origin::timer);
  CHECK(timer->trace.trace_id() == root.trace_id());
  CHECK(timer->trace.parent == start->trace.span);
  auto late = seen.handled("/b", "put");
  REQUIRE(late);
  CHECK(late->trace.parent == timer->trace.span);
  // What was sent names its receiver and the span that sent it.
  auto out = seen.find([](const span& x) { return x.how == origin::out && x.type == "ok"; });
  REQUIRE(out);
  CHECK(out->path == "/a");
  CHECK(out->peer == "/b");
  CHECK(out->trace.span == start->trace.span);
}

TEST_CASE("without a trace nothing carries one; what nobody watches makes no span", "[trace]") {
  pair_tree t;
  auto a = t.tree.actor("/a");
  CHECK(t.tree.ask<int>(a, get_atom_v) == 0);
  auto root = start_trace();
  {
    span_log seen{"/b"};
    send_traced(a, root, ok_atom_v);
    REQUIRE(seen.handled("/b", "put"));
    for (auto& x : seen.all())
      CHECK(x.path == "/b");
  }
  CHECK_FALSE(probed());
  // The handler of a traced message has ended: the next one is free of it.
  CHECK(t.tree.ask<int>(a, get_atom_v) == 0);
}

TEST_CASE("a handler that throws ends its trace, names it in the restart and is a failed span",
          "[trace]") {
  pair_tree t;
  span_log seen{"/a"};
  auto a = t.tree.actor("/a");
  auto root = start_trace();
  send_traced(a, root, put_atom_v);
  auto failed = seen.handled("/a", "put");
  REQUIRE(failed);
  CHECK_FALSE(failed->ok);
  CHECK(t.tree.ask<int>(a, get_atom_v) == 0);
  REQUIRE(t.tree.wait_until([&] { return !t.tree.root->history("a").empty(); }));
  CHECK(t.tree.root->history("a")[0].trace_id == root.trace_id());
}

TEST_CASE("a message that an old incarnation had the clock send is dropped and counted",
          "[trace]") {
  auto ticks = std::make_shared<std::atomic<int>>(0);
  auto f = [ticks](caf::event_based_actor* self) -> caf::behavior {
    return {
      [=](ok_atom, caf::timespan delay) { self->delayed_send(self, delay, tick_atom_v); },
      [ticks](tick_atom) { ++*ticks; },
      [](put_atom) { throw std::runtime_error("boom"); },
      [](get_atom) { return 1; },
    };
  };
  supervision::test_tree tree{one_for_one({worker("a", f)})};
  auto a = tree.actor("/a");
  auto place = supervision::branch::find(tree.root, "/a")->place;
  caf::anon_send(a, ok_atom_v, caf::timespan{20ms});
  tree.ask_error(a, put_atom_v);
  REQUIRE(tree.ask<int>(a, get_atom_v) == 1);
  CHECK(place->incarnation == 2);
  // One of the new incarnation, later than the old one: when it is there, the old one was.
  caf::anon_send(a, ok_atom_v, caf::timespan{25ms});
  REQUIRE(tree.wait_until([&] { return ticks->load() > 0; }));
  CHECK(place->late == 1);
  CHECK(ticks->load() == 1);
  CHECK(tree.wait_until([&] { return place->depth() == 0; }));
}

TEST_CASE("unsupervised actors pass a trace on", "[trace]") {
  pair_tree t;
  span_log seen{"/b"};
  auto helper =
    t.tree.system.spawn([b = t.tree.actor("/b")](caf::event_based_actor* self) -> caf::behavior {
      return {[=](ok_atom) { self->send(b, ok_atom_v); },
              [=](put_atom) { self->send(b, put_atom_v); }};
    });
  auto root = start_trace();
  send_traced(helper, root, ok_atom_v);
  auto got = seen.handled("/b", "ok");
  REQUIRE(got);
  CHECK(got->trace.trace_id() == root.trace_id());
  CHECK(got->trace.parent == root.span);
  caf::anon_send(helper, put_atom_v);
  auto next = seen.handled("/b", "put");
  REQUIRE(next);
  CHECK_FALSE(next->trace);
  caf::anon_send_exit(helper, caf::exit_reason::kill);
}

TEST_CASE("a slow watcher gets its rate and learns what it missed", "[trace]") {
  pair_tree t;
  span_log seen{"/b", 5};
  auto b = t.tree.actor("/b");
  for (int i = 0; i < 1000; ++i)
    caf::anon_send(b, ok_atom_v);
  CHECK(t.tree.ask<int>(b, get_atom_v) == 1);
  // The burst may touch two or three seconds; sooner or later one arrives in a fresh one.
  std::optional<span> last;
  CHECK(t.tree.wait_until([&] {
    caf::anon_send(b, put_atom_v);
    auto all = seen.all();
    return std::any_of(all.begin(), all.end(), [](const span& x) { return x.skipped > 900; });
  }));
}

TEST_CASE("busy and waiting time are counted only while somebody watches", "[figures]") {
  auto f = [](caf::event_based_actor*) -> caf::behavior {
    return {[](get_atom) {
      auto until = now_ns() + 2'000'000;
      while (now_ns() < until) {
      }
      return 1;
    }};
  };
  supervision::test_tree tree{one_for_one({worker("a", f)})};
  auto a = tree.actor("/a");
  auto place = supervision::branch::find(tree.root, "/a")->place;
  CHECK(tree.ask<int>(a, get_atom_v) == 1);
  CHECK(place->busy_ns == 0);
  watch_figures(10s);
  CHECK(figures_watched());
  for (int i = 0; i < 3; ++i)
    caf::anon_send(a, get_atom_v);
  CHECK(tree.ask<int>(a, get_atom_v) == 1);
  // The answer goes out a moment before its handler's time is added.
  CHECK(tree.wait_until([&] { return place->busy_ns >= 8'000'000; }));
  CHECK(place->latency_ns >= 2'000'000);
  coppice::telemetry::detail::expire_figures(now_ns() + 20'000'000'000);
  CHECK_FALSE(figures_watched());
  // Once it handles the next message, the time of the last one is added.
  CHECK(tree.ask<int>(a, get_atom_v) == 1);
  auto busy = place->busy_ns.load();
  CHECK(tree.ask<int>(a, get_atom_v) == 1);
  CHECK(place->busy_ns == busy);
  CHECK(place->sent >= 2);
}
