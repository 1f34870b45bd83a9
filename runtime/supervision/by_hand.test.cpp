#include "runtime/supervision/test_actors.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;
using namespace std::chrono_literals;

TEST_CASE("children are added, stopped, restarted and removed by hand", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {}}};
  supervisor_command add;
  add.what = supervisor_command::kind::add_child;
  add.id = "n";
  add.child = worker("n", make_recipe(plain, 5));
  auto added = tree.command(add);
  REQUIRE(added);
  CHECK(tree.ask<int>(tree.actor("/n"), caf::get_atom_v) == 6);
  CHECK(tree.command(add).error().code == errc::already_exists);
  REQUIRE(tree.command("n", supervisor_command::kind::stop));
  CHECK(tree.entry("/n").state == child_state::stopped);
  CHECK(tree.actor("/n") == nullptr);
  REQUIRE(tree.command("n", supervisor_command::kind::restart));
  CHECK(tree.ask<int>(tree.actor("/n"), caf::get_atom_v) == 6);
  REQUIRE(tree.command("n", supervisor_command::kind::remove));
  CHECK_FALSE(branch::find(tree.root, "/n"));
  CHECK(tree.command("n", supervisor_command::kind::restart).error().code == errc::not_found);
}

TEST_CASE("a kill is a crash: it counts towards intensity", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one, 2), {worker("a", make_recipe(plain, 0))}}};
  for (uint32_t i = 0; i < 3; ++i) {
    REQUIRE(tree.command("a", supervisor_command::kind::kill));
    if (i < 2)
      REQUIRE(tree.wait_until([&] {
        return tree.entry("/a").incarnation == i + 2
               && tree.entry("/a").state == child_state::running;
      }));
  }
  CHECK(tree.wait_end().what == end_info::kind::max_intensity);
}

TEST_CASE("a restart by hand does not count towards intensity", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one, 1), {worker("a", make_recipe(plain, 0))}}};
  for (int i = 0; i < 5; ++i)
    REQUIRE(tree.command("a", supervisor_command::kind::restart));
  CHECK(tree.entry("/a").incarnation == 6);
  auto history = tree.root->history("a");
  REQUIRE(history.size() == 5);
  CHECK(history.back().by_hand);
}

TEST_CASE("a drill throws inside the actor: a crash with its stack", "[supervision]") {
  renew_stack_budget();
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  auto a = tree.actor("/a");
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  supervisor_command drill;
  drill.what = supervisor_command::kind::crash;
  drill.id = "a";
  drill.reason = "fault drill";
  REQUIRE(tree.command(drill));
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").incarnation == 2; }));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  auto history = tree.root->history("a");
  REQUIRE(history.size() == 1);
  CHECK(history[0].reason == "fault drill");
  auto lines = symbolize(history[0].stack);
  REQUIRE_FALSE(lines.empty());
  CHECK(lines[0].find("throw_drill") != std::string::npos);
}

TEST_CASE("a suspended actor stays so over a crash, until it is resumed", "[supervision]") {
  auto how = GENERATE(0, 1, 2);
  test_tree tree{{flags(strategy::one_for_all),
                  {worker("a", make_recipe(plain, 0)), worker("b", make_recipe(plain, 0))}}};
  auto a = tree.actor("/a");
  REQUIRE(tree.command("a", supervisor_command::kind::suspend));
  caf::anon_send(a, caf::get_atom_v);
  // By itself, with its sibling, by hand.
  if (how == 0)
    REQUIRE(tree.command("a", supervisor_command::kind::kill));
  else if (how == 1)
    tree.ask_error(tree.actor("/b"), caf::put_atom_v);
  else
    REQUIRE(tree.command("a", supervisor_command::kind::restart));
  REQUIRE(tree.wait_until([&] {
    return tree.entry("/a").incarnation == 2 && tree.entry("/a").state == child_state::suspended;
  }));
  // Handled before what comes later, had it looked at its mailbox.
  describe(tree, "/a");
  CHECK(tree.entry("/a").mailbox == 1);
  REQUIRE(tree.command("a", supervisor_command::kind::resume));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 2);
  CHECK(tree.entry("/a").state == child_state::running);
}

TEST_CASE("what was suspended, stopped and started again runs", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  REQUIRE(tree.command("a", supervisor_command::kind::suspend));
  REQUIRE(tree.command("a", supervisor_command::kind::stop));
  REQUIRE(tree.command("a", supervisor_command::kind::restart));
  CHECK(tree.entry("/a").state == child_state::running);
  CHECK(tree.ask<int>(tree.actor("/a"), caf::get_atom_v) == 1);
}

TEST_CASE(
  "a permanent child that was stopped stays so beside its siblings' restarts, but comes back "
  "with its supervisor",
  "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one),
                  {inner_tree("inner", {flags(strategy::one_for_all),
                                        {worker("x", make_recipe(plain, 0)),
                                         worker("y", make_recipe(plain, 0))}})}}};
  auto in_inner = [&](std::string id, supervisor_command::kind what) {
    caf::scoped_actor self{tree.system};
    supervisor_command x;
    x.what = what;
    x.id = std::move(id);
    bool ok = false;
    self->request(tree.actor("/inner"), 10s, std::move(x))
      .receive([&](const caf::strong_actor_ptr&) { ok = true; }, [](caf::error&) {});
    return ok;
  };
  REQUIRE(in_inner("x", supervisor_command::kind::stop));
  CHECK(tree.entry("/inner/x").state == child_state::stopped);
  tree.ask_error(tree.actor("/inner/y"), caf::put_atom_v);
  CHECK(tree.ask<int>(tree.actor("/inner/y"), caf::get_atom_v) == 1);
  CHECK(tree.entry("/inner/x").state == child_state::stopped);
  // A supervisor begins from its spec again, as in OTP.
  REQUIRE(tree.command("inner", supervisor_command::kind::kill));
  REQUIRE(tree.wait_until(
    [&] { return tree.entry("/inner").incarnation == 2 && tree.actor("/inner/x") != nullptr; }));
  CHECK(tree.ask<int>(tree.actor("/inner/x"), caf::get_atom_v) == 1);
}

TEST_CASE("a supervisor that is killed tells of all below it, in the order of a shutdown",
          "[supervision]") {
  auto child = [](std::string id) { return worker(std::move(id), make_recipe(plain, 0)); };
  auto one = flags(strategy::one_for_one);
  supervisor_spec deep{one, {child("p"), child("q")}};
  supervisor_spec inner{one, {child("x"), inner_tree("deep", deep), child("y"), child("z")}};
  test_tree tree{{one, {inner_tree("inner", inner)}}};
  for (uint32_t i = 0; i < 20; ++i) {
    REQUIRE(tree.wait_until([&] {
      return tree.entry("/inner").incarnation == i + 1
             && tree.entry("/inner/z").state == child_state::running
             && tree.entry("/inner/deep/q").state == child_state::running;
    }));
    tree.watcher->take_lines();
    REQUIRE(tree.command("inner", supervisor_command::kind::kill));
    std::vector<std::string> told;
    REQUIRE(tree.wait_until([&] {
      for (auto& x : tree.watcher->take_lines())
        told.push_back(std::move(x));
      return !told.empty() && told.back() == "restart /inner";
    }));
    CHECK(told
          == std::vector<std::string>{"end /inner/z", "end /inner/y", "end /inner/deep/q",
                                      "end /inner/deep/p", "end /inner/deep", "end /inner/x",
                                      "restart /inner"});
  }
  // None of the commands between them missed its receiver.
  CHECK(tree.watcher->dead_count() == 0);
}

TEST_CASE("a supervisor that is killed names a thousand children and counts the rest",
          "[supervision]") {
  supervisor_spec many{flags(strategy::one_for_one), {}};
  for (int i = 0; i < 1002; ++i)
    many.children.push_back(worker("c" + std::to_string(i), make_recipe(plain, 0)));
  test_tree tree{{flags(strategy::one_for_one), {inner_tree("inner", many)}}};
  REQUIRE(tree.command("inner", supervisor_command::kind::kill));
  std::vector<std::string> told;
  REQUIRE(tree.wait_until([&] {
    for (auto& x : tree.watcher->take_lines())
      told.push_back(std::move(x));
    return !told.empty() && told.back() == "restart /inner";
  }));
  REQUIRE(told.size() == 1002);
  CHECK(told.front() == "end /inner/c1001");
  CHECK(told[1000] == "2 more ends below /inner");
}
