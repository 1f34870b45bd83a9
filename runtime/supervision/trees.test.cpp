#include "runtime/supervision/test_actors.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;
using namespace std::chrono_literals;

namespace {

/// Notes that its stop hook was called.
struct noisy {
  std::shared_ptr<diary> log;
  std::string id;
  noisy(std::pair<std::shared_ptr<diary>, std::string> x) : log(x.first), id(x.second) {}
  caf::behavior make_behavior() {
    return {[](caf::get_atom) { return 1; }};
  }
  void before_stop() { log->add(id); }
};

} // namespace

TEST_CASE("one_for_all restarts the siblings in place, rest_for_one the later ones",
          "[supervision]") {
  auto all = GENERATE(true, false);
  test_tree tree{{flags(all ? strategy::one_for_all : strategy::rest_for_one),
                  {worker("a", make_recipe(plain, 0)), worker("b", make_recipe(stateful)),
                   worker("c", make_recipe(plain, 0))}}};
  auto a = tree.actor("/a");
  auto b = tree.actor("/b");
  auto c = tree.actor("/c");
  for (auto& x : {a, b, c})
    CHECK(tree.ask<int>(x, caf::get_atom_v) == 1);
  tree.ask_error(b, caf::put_atom_v);
  // The answer tells of the crash; the siblings follow it.
  REQUIRE(tree.wait_until([&] { return tree.entry("/c").incarnation == 2; }));
  CHECK(tree.ask<int>(c, caf::get_atom_v) == 1);
  CHECK(tree.ask<int>(b, caf::get_atom_v) == 1);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == (all ? 1 : 2));
  CHECK(tree.actor("/c") == c);
}

TEST_CASE("past its intensity a supervisor stops its children and fails upward to the root",
          "[supervision]") {
  auto inner = std::make_shared<supervisor_spec>();
  inner->flags = flags(strategy::one_for_one, 2);
  inner->children = {worker("x", make_recipe(plain, 0))};
  child_spec spec;
  spec.id = "inner";
  spec.kind = child_kind::supervisor;
  spec.shutdown.what = shutdown_spec::kind::infinity;
  test_tree tree{{flags(strategy::one_for_one, 1),
                  {child_start{std::make_shared<child_spec>(spec), nullptr, inner}}}};
  auto crash = [&] {
    auto x = tree.actor("/inner/x");
    REQUIRE(x);
    tree.ask_error(x, caf::put_atom_v);
  };
  for (int i = 0; i < 3; ++i)
    crash();
  REQUIRE(tree.wait_until(
    [&] { return tree.entry("/inner").incarnation == 2 && tree.actor("/inner/x") != nullptr; }));
  for (int i = 0; i < 3; ++i)
    crash();
  auto why = tree.wait_end();
  CHECK(why.what == end_info::kind::max_intensity);
  CHECK(tree.watcher->gave_up() == 2 + 1);
}

TEST_CASE("a transient supervisor that gave up comes back: it has failed, not finished",
          "[supervision]") {
  supervisor_spec below;
  below.flags = flags(strategy::one_for_one, 0);
  below.children = {worker("x", make_recipe(plain, 0))};
  test_tree tree{{flags(strategy::one_for_one, 1),
                  {with_spec(inner_tree("inner", below),
                             [](child_spec& x) { x.restart = restart_type::transient; })}}};
  tree.ask_error(tree.actor("/inner/x"), caf::put_atom_v);
  CHECK(tree.wait_until([&] { return tree.entry("/inner").incarnation == 2; }));
}

TEST_CASE("stopping goes in reverse order and runs the hook; monitors hear of it once",
          "[supervision]") {
  auto log = std::make_shared<diary>();
  auto make = [&](std::string id) {
    return worker(id, make_class_recipe<caf::stateful_actor<noisy>>(std::pair{log, id}));
  };
  test_tree tree{{flags(strategy::one_for_one), {make("a"), make("b"), make("c")}}};
  caf::scoped_actor self{tree.system};
  self->monitor(tree.actor("/b"));
  tree.stop();
  tree.wait_end();
  CHECK(log->lines() == std::vector<std::string>{"c", "b", "a"});
  int downs = 0;
  self->receive([&](caf::down_msg&) { ++downs; }, caf::after(2s) >> [] {});
  CHECK(downs == 1);
}

TEST_CASE("brutal_kill stops without the hook and without waiting for what is queued",
          "[supervision]") {
  auto log = std::make_shared<diary>();
  auto make = [&](std::string id, shutdown_spec::kind how) {
    return with_spec(worker(id, make_class_recipe<caf::stateful_actor<noisy>>(std::pair{log, id})),
                     [how](child_spec& x) { x.shutdown.what = how; });
  };
  test_tree tree{
    {flags(strategy::one_for_one),
     {make("soft", shutdown_spec::kind::timeout), make("hard", shutdown_spec::kind::brutal_kill)}}};
  for (auto* id : {"hard", "soft"})
    REQUIRE(tree.command(id, supervisor_command::kind::stop));
  CHECK(log->lines() == std::vector<std::string>{"soft"});
  CHECK(tree.entry("/hard").state == child_state::stopped);
  REQUIRE(tree.entry("/hard").last);
  CHECK(tree.entry("/hard").last->reason == "killed");
  CHECK(tree.entry("/soft").last->reason == "shutdown");
  // As asked for, it is no crash, and it can be started again.
  CHECK(tree.watcher->restarts() == 0);
  REQUIRE(tree.command("hard", supervisor_command::kind::restart));
  CHECK(tree.ask<int>(tree.actor("/hard"), caf::get_atom_v) == 1);
  tree.stop();
  CHECK(tree.wait_end().what == end_info::kind::requested);
  CHECK(log->count("hard") == 0);
}

TEST_CASE("the end of significant children ends their supervisor, and a crash does not",
          "[supervision]") {
  auto all = GENERATE(false, true);
  CAPTURE(all);
  auto quits = [](caf::event_based_actor* self) -> caf::behavior {
    return {[self](caf::ok_atom) { self->quit(); },
            [](caf::put_atom) { throw std::runtime_error("boom"); },
            [](caf::get_atom) { return 1; }};
  };
  auto significant = [&](std::string id) {
    return with_spec(worker(id, make_recipe(quits), restart_type::transient),
                     [](child_spec& x) { x.significant = true; });
  };
  auto how = flags(strategy::one_for_one);
  how.auto_shutdown = all ? auto_shutdown::all_significant : auto_shutdown::any_significant;
  test_tree tree{{how,
                  {worker("beside", make_recipe(quits), restart_type::transient), significant("a"),
                   significant("b"), worker("last", make_recipe(plain, 0))}}};
  caf::scoped_actor self{tree.system};
  self->monitor(tree.actor("/last"));
  caf::anon_send(tree.actor("/beside"), caf::ok_atom_v);
  REQUIRE(tree.wait_until([&] { return tree.entry("/beside").state == child_state::stopped; }));
  tree.ask_error(tree.actor("/a"), caf::put_atom_v);
  CHECK(tree.ask<int>(tree.actor("/a"), caf::get_atom_v) == 1);
  // By hand is not by itself.
  REQUIRE(tree.command("a", supervisor_command::kind::restart));
  CHECK(tree.ask<int>(tree.actor("/a"), caf::get_atom_v) == 1);
  caf::anon_send(tree.actor("/a"), caf::ok_atom_v);
  if (all) {
    REQUIRE(tree.wait_until([&] { return tree.entry("/a").state == child_state::stopped; }));
    CHECK(tree.ask<int>(tree.actor("/last"), caf::get_atom_v) == 1);
    caf::anon_send(tree.actor("/b"), caf::ok_atom_v);
  }
  CHECK(tree.wait_end().what == end_info::kind::auto_shutdown);
  int downs = 0;
  self->receive([&](caf::down_msg&) { ++downs; }, caf::after(5s) >> [] {});
  CHECK(downs == 1);
  CHECK(tree.watcher->gave_up() == 0);
}

TEST_CASE("a supervisor that its significant child ended is a normal end for the one above",
          "[supervision]") {
  auto quits = [](caf::event_based_actor* self) -> caf::behavior {
    return {[self](caf::ok_atom) { self->quit(); }, [](caf::get_atom) { return 1; }};
  };
  supervisor_spec below;
  below.flags = flags(strategy::one_for_one);
  below.flags.auto_shutdown = auto_shutdown::any_significant;
  below.children = {with_spec(worker("x", make_recipe(quits), restart_type::transient),
                              [](child_spec& x) { x.significant = true; })};
  auto inner = [&](std::string id, restart_type how) {
    return with_spec(inner_tree(id, below), [how](child_spec& x) { x.restart = how; });
  };
  test_tree tree{
    {flags(strategy::one_for_one, 1),
     {inner("once", restart_type::transient), inner("ever", restart_type::permanent)}}};
  caf::anon_send(tree.actor("/once/x"), caf::ok_atom_v);
  REQUIRE(tree.wait_until([&] { return tree.entry("/once").state == child_state::stopped; }));
  CHECK(tree.entry("/once").incarnation == 1);
  caf::anon_send(tree.actor("/ever/x"), caf::ok_atom_v);
  REQUIRE(tree.wait_until(
    [&] { return tree.entry("/ever").incarnation == 2 && tree.actor("/ever/x") != nullptr; }));
  CHECK(tree.ask<int>(tree.actor("/ever/x"), caf::get_atom_v) == 1);
  CHECK(tree.entry("/once").incarnation == 1);
}

TEST_CASE("a supervisor keeps its last 50 restarts, those of all its children together",
          "[supervision]") {
  supervisor_spec below{flags(strategy::one_for_one), {worker("x", make_recipe(plain, 0))}};
  test_tree tree{{flags(strategy::one_for_one),
                  {worker("a", make_recipe(plain, 0)), worker("b", make_recipe(plain, 0)),
                   inner_tree("inner", below)}}};
  auto crash = [&](std::string_view path, uint32_t times) {
    for (uint32_t i = 0; i < times; ++i) {
      tree.ask_error(tree.actor(path), caf::put_atom_v);
      REQUIRE(tree.ask<int>(tree.actor(path), caf::get_atom_v) == 1);
    }
  };
  crash("/a", 3);
  crash("/b", 48);
  auto all = tree.root->history();
  REQUIRE(all.size() == branch::history_max);
  CHECK(all.front().path == "/a");
  CHECK(all.front().incarnation == 3);
  CHECK(all.back().path == "/b");
  CHECK(all.back().incarnation == 49);
  CHECK(tree.root->history("a").size() == 2);
  // One below keeps its own.
  crash("/inner/x", 1);
  CHECK(tree.root->history().size() == branch::history_max);
  CHECK(tree.root->history("a").size() == 2);
  crash("/b", 4);
  all = tree.root->history();
  REQUIRE(all.size() == branch::history_max);
  CHECK(tree.root->history("a").empty());
  for (size_t i = 0; i < all.size(); ++i)
    CHECK(all[i].incarnation == i + 4);
  auto inner = branch::find(tree.root, "/inner");
  REQUIRE((inner && inner->branch));
  CHECK(inner->branch->history().size() == 1);
}
