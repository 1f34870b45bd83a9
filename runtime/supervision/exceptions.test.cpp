#include "runtime/supervision/test_actors.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;
using namespace std::chrono_literals;

namespace {

// Fails where it is told to; knows how often its behavior was made.
struct fragile {
  static inline std::atomic<int> made{0};
  static inline std::atomic<int> fail_at{0};

  caf::behavior make_behavior() {
    if (++made == fail_at)
      throw std::runtime_error("in make_behavior");
    return {[](caf::get_atom) { return made.load(); },
            [](caf::put_atom) { throw std::runtime_error("in a behavior"); }};
  }
};

struct with_hooks {
  static inline std::atomic<int> told{0};
  std::string broken;

  explicit with_hooks(std::string which) : broken(std::move(which)) {}

  caf::behavior make_behavior() {
    return {[](caf::get_atom) { return 1; },
            [](caf::put_atom) { throw std::runtime_error("boom"); }};
  }

  std::string describe() const { return call("describe"), "{}"; }
  void before_restart(const std::string&) {
    ++told;
    call("before_restart");
  }
  void before_stop() { call("before_stop"); }

private:
  void call(const char* which) const {
    if (broken == which)
      throw std::runtime_error(std::string{"in "} + which);
  }
};

child_start hooked(const char* broken) {
  return worker("a", make_class_recipe<caf::stateful_actor<with_hooks>>(std::string{broken}));
}

// The record of the n-th restart of /a, with its stack as text.
std::pair<restart_record, std::string> record(test_tree& tree, size_t n) {
  auto all = tree.root->history("a");
  if (all.size() <= n)
    return {};
  std::string text;
  for (auto& line : symbolize(all[n].stack))
    text += line + "\n";
  return {all[n], text};
}

} // namespace

TEST_CASE("thrown in make_behavior of the first start: the child is not added, and may be again",
          "[supervision]") {
  fragile::made = 0;
  fragile::fail_at = 1;
  test_tree tree{{flags(strategy::one_for_one), {}}};
  supervisor_command add;
  add.what = supervisor_command::kind::add_child;
  add.id = "a";
  add.child = worker("a", make_class_recipe<caf::stateful_actor<fragile>>());
  auto added = tree.command(add);
  // OTP's start_child: a child that does not start is not added.
  REQUIRE_FALSE(added);
  CHECK(added.error().message.find("in make_behavior") != std::string::npos);
  REQUIRE(tree.command(add));
  CHECK(tree.ask<int>(tree.actor("/a"), caf::get_atom_v) == 2);
}

TEST_CASE("thrown in make_behavior of a restart: the next attempt counts and keeps the mailbox",
          "[supervision]") {
  fragile::made = 0;
  fragile::fail_at = 2;
  renew_stack_budget();
  test_tree tree{{flags(strategy::one_for_one),
                  {worker("a", make_class_recipe<caf::stateful_actor<fragile>>())}}};
  auto a = tree.actor("/a");
  caf::anon_send(a, caf::put_atom_v);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 3);
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").state == child_state::running; }));
  CHECK(tree.entry("/a").restarts == 2);
  auto [first, first_stack] = record(tree, 0);
  CHECK(first.reason == "std::runtime_error: in a behavior");
  auto [second, second_stack] = record(tree, 1);
  CHECK(second.reason == "std::runtime_error: in make_behavior");
  CAPTURE(second_stack);
  CHECK(second_stack.find("exceptions.test.cpp") != std::string::npos);
}

TEST_CASE("thrown in a behavior: a restart with message type and stack", "[supervision]") {
  fragile::fail_at = 0;
  renew_stack_budget();
  test_tree tree{{flags(strategy::one_for_one),
                  {worker("a", make_class_recipe<caf::stateful_actor<fragile>>())}}};
  auto a = tree.actor("/a");
  CHECK(tree.ask_error(a, caf::put_atom_v).code == errc::actor_crashed);
  CHECK(tree.ask<int>(a, caf::get_atom_v));
  auto [what, stack] = record(tree, 0);
  CHECK(what.message_type == "put");
  CHECK(stack.find("exceptions.test.cpp") != std::string::npos);
  CHECK(tree.watcher->dead_count() == 1);
}

TEST_CASE("thrown in a response handler: a restart, and no dead letter", "[supervision]") {
  auto how = GENERATE(0, 1); // then, await
  renew_stack_budget();
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  mortal helper{tree.system};
  auto a = tree.actor("/a");
  caf::anon_send(a, caf::ok_atom_v, helper.handle, how);
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").incarnation == 2; }));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  auto [what, stack] = record(tree, 0);
  CHECK(what.reason == (how == 0 ? "std::runtime_error: in then" : "std::runtime_error: in await"));
  CHECK(stack.find("test_actors.hpp") != std::string::npos);
  CHECK(tree.watcher->dead_count() == 0);
}

TEST_CASE("thrown in a timer: a restart that says so", "[supervision]") {
  renew_stack_budget();
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  mortal helper{tree.system};
  auto a = tree.actor("/a");
  caf::anon_send(a, caf::ok_atom_v, helper.handle, 2);
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").incarnation == 2; }));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  auto [what, stack] = record(tree, 0);
  CHECK(what.reason == "std::runtime_error: in timer");
  CHECK(stack.find("test_actors.hpp") != std::string::npos);
}

TEST_CASE("thrown in a hook: describe costs nothing", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {hooked("describe")}}};
  auto a = tree.actor("/a");
  CHECK(describe(tree, "/a").json.find("in describe") != std::string::npos);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(tree.entry("/a").restarts == 0);
}

TEST_CASE("thrown in a hook: before_restart is a failed start, and not asked again",
          "[supervision]") {
  with_hooks::told = 0;
  renew_stack_budget();
  test_tree tree{{flags(strategy::one_for_one), {hooked("before_restart")}}};
  auto a = tree.actor("/a");
  CHECK(tree.ask_error(a, caf::put_atom_v).code == errc::actor_crashed);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(with_hooks::told == 1);
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").state == child_state::running; }));
  CHECK(tree.entry("/a").restarts == 2);
  auto [what, stack] = record(tree, 1);
  CHECK(what.reason == "std::runtime_error: in before_restart");
  CAPTURE(stack);
  CHECK(stack.find("before_restart") != std::string::npos);
}

TEST_CASE("thrown in a hook: before_stop does not keep the actor alive", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {hooked("before_stop")}}};
  REQUIRE(tree.command("a", supervisor_command::kind::stop));
  auto entry = tree.entry("/a");
  CHECK(entry.state == child_state::stopped);
  REQUIRE(entry.last);
  CHECK(entry.last->reason == "before_stop: std::runtime_error: in before_stop");
  CHECK(entry.restarts == 0);
}

TEST_CASE("an exception anywhere in an actor's code is a restart", "[supervision]") {
  auto how = GENERATE(range(0, 9));
  CAPTURE(how);
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  auto a = tree.actor("/a");
  auto helper =
    tree.system.spawn([]() -> caf::behavior { return {[](caf::get_atom) { return 1; }}; });
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  caf::anon_send(a, caf::ok_atom_v, helper, how);
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").incarnation == 2; }));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(tree.wait_until([&] { return tree.entry("/a").mailbox == 0; }));
  caf::anon_send_exit(helper, caf::exit_reason::kill);
}
