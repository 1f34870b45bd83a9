#include "runtime/telemetry/watchdog.hpp"
#include "runtime/telemetry/actor_support.test.hpp"

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::telemetry;
using namespace coppice::telemetry::test;
using caf::get_atom, caf::get_atom_v, caf::ok_atom, caf::ok_atom_v;

namespace {

/// Handlers stay in it until it opens.
struct gate {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  int inside = 0;

  void pass() {
    std::unique_lock guard{mutex};
    ++inside;
    changed.notify_all();
    changed.wait_for(guard, 20s, [this] { return open; });
    --inside;
  }
  void wait_inside() {
    std::unique_lock guard{mutex};
    changed.wait_for(guard, 20s, [this] { return inside > 0; });
  }
  void set(bool x) {
    std::lock_guard guard{mutex};
    open = x;
    changed.notify_all();
  }
};

caf::behavior blocker(caf::event_based_actor*, std::shared_ptr<gate> at) {
  return {[at](ok_atom) { at->pass(); }, [](get_atom) { return 1; }};
}

} // namespace

TEST_CASE("a handler that holds its thread is found once for each time", "[watchdog]") {
  auto at = std::make_shared<gate>();
  supervision::test_tree tree{one_for_one({worker("a", blocker, at)})};
  auto a = tree.actor("/a");
  handler_watch watch{100ms};
  auto ms = [](int64_t x) { return x * 1'000'000; };
  caf::anon_send(a, ok_atom_v);
  at->wait_inside();
  CHECK(watch.look(ms(1000)).empty());
  CHECK(watch.look(ms(1050)).empty());
  auto found = watch.look(ms(1100));
  REQUIRE(found.size() == 1);
  CHECK(found[0].path == "/a");
  CHECK(found[0].type == "ok");
  CHECK(found[0].age == 100ms);
  CHECK(watch.look(ms(1150)).empty());
  CHECK(watch.current().size() == 1);
  at->set(true);
  CHECK(tree.ask<int>(a, get_atom_v) == 1);
  at->set(false);
  CHECK(watch.look(ms(1200)).empty());
  CHECK(watch.current().empty());
  // Again: another time.
  caf::anon_send(a, ok_atom_v);
  at->wait_inside();
  CHECK(watch.look(ms(1300)).empty());
  CHECK(watch.look(ms(1400)).size() == 1);
  at->set(true);
}

// As in OTP, the start of a child holds its supervisor; whoever looks must see which child it is.
TEST_CASE("a start that does not return is found under the child's name", "[watchdog]") {
  auto at = std::make_shared<gate>();
  supervision::test_tree tree{one_for_one({worker("a", blocker, at)})};
  auto slow = [](caf::event_based_actor*, std::shared_ptr<gate> start) -> caf::behavior {
    start->pass();
    return {[](get_atom) { return 2; }};
  };
  supervision::supervisor_command add;
  add.what = supervision::supervisor_command::kind::add_child;
  add.child = worker("slow", slow, at);
  supervision::send_command(tree.supervisor, add);
  at->wait_inside();
  handler_watch watch{100ms};
  CHECK(watch.look(1).empty());
  auto found = watch.look(1'000'000'000);
  REQUIRE(found.size() == 1);
  CHECK(found[0].path == "/slow");
  CHECK(found[0].type.empty());
  // Others work meanwhile, and the tree can be looked at.
  CHECK(tree.ask<int>(tree.actor("/a"), get_atom_v) == 1);
  CHECK(tree.entry("/slow").state == supervision::child_state::starting);
  at->set(true);
  CHECK(tree.wait_until(
    [&] { return tree.entry("/slow").state == supervision::child_state::running; }));
  CHECK(tree.ask<int>(tree.actor("/slow"), get_atom_v) == 2);
}

TEST_CASE("an actor with a thread of its own may block", "[watchdog]") {
  auto at = std::make_shared<gate>();
  auto child = worker("a", blocker, at);
  auto spec = *child.spec;
  spec.isolation = supervision::isolation::thread;
  child.spec = std::make_shared<supervision::child_spec>(spec);
  supervision::test_tree tree{one_for_one({child})};
  handler_watch watch{100ms};
  caf::anon_send(tree.actor("/a"), ok_atom_v);
  at->wait_inside();
  CHECK(watch.look(1).empty());
  CHECK(watch.look(1'000'000'000).empty());
  CHECK(watch.current().empty());
  at->set(true);
}

TEST_CASE("the watchdog tells by itself, while actors come and go", "[watchdog]") {
  auto at = std::make_shared<gate>();
  std::mutex mutex;
  std::vector<long_handler> told;
  watchdog dog{[&](const long_handler& x) {
    std::lock_guard guard{mutex};
    told.push_back(x);
  }};
  {
    supervision::test_tree tree{one_for_one({worker("a", blocker, at)})};
    caf::anon_send(tree.actor("/a"), ok_atom_v);
    CHECK(tree.wait_until([&] { return dog.current().size() == 1; }));
    at->set(true);
    CHECK(tree.wait_until([&] { return dog.current().empty(); }));
  }
  std::lock_guard guard{mutex};
  REQUIRE(told.size() == 1);
  CHECK(told[0].path == "/a");
  CHECK(told[0].age >= 100ms);
}

TEST_CASE("looks while many actors end", "[watchdog]") {
  auto f = [](caf::event_based_actor*) -> caf::behavior { return {[](get_atom) { return 1; }}; };
  std::atomic<bool> done{false};
  std::thread looker{[&] {
    handler_watch watch{0ms};
    while (!done) {
      watch.look(now_ns());
      std::this_thread::yield();
    }
  }};
  for (int i = 0; i < 20; ++i) {
    std::vector<supervision::child_start> children;
    for (int j = 0; j < 50; ++j)
      children.push_back(worker("c" + std::to_string(j), f));
    supervision::test_tree tree{one_for_one(children)};
    CHECK(tree.ask<int>(tree.actor("/c49"), get_atom_v) == 1);
  }
  done = true;
  looker.join();
}
