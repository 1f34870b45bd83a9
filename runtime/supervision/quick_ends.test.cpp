#include "runtime/supervision/test_actors.hpp"

#include <catch2/catch_test_macros.hpp>

// Children that end without waiting for a decision, and ends that come while much else waits.
using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;

namespace {

caf::behavior ends_at_once(caf::event_based_actor* self) {
  self->quit();
  return {};
}

child_start temporary(child_start child) {
  auto spec = *child.spec;
  spec.restart = restart_type::temporary;
  child.spec = std::make_shared<child_spec>(std::move(spec));
  return child;
}

supervisor_command adding(child_start child) {
  supervisor_command add;
  add.what = supervisor_command::kind::add_child;
  add.child = std::move(child);
  return add;
}

} // namespace

TEST_CASE("a temporary child that ends while it starts came up and is gone", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {}}};
  REQUIRE(tree.command(adding(temporary(worker("a", make_recipe(ends_at_once))))));
  CHECK(tree.wait_until([&] { return !branch::find(tree.root, "/a"); }));
  CHECK(tree.watcher->restarts() == 0);
}

TEST_CASE("a transient child that ends while it starts stays, stopped", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {}}};
  auto child = worker("a", make_recipe(ends_at_once));
  auto spec = *child.spec;
  spec.restart = restart_type::transient;
  child.spec = std::make_shared<child_spec>(spec);
  REQUIRE(tree.command(adding(child)));
  CHECK(tree.wait_until([&] { return tree.entry("/a").state == child_state::stopped; }));
  CHECK(tree.entry("/a").incarnation == 1);
}

TEST_CASE("a temporary child can be restarted by hand, in place", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {temporary(worker("a", make_recipe(plain, 5)))}}};
  auto before = tree.actor("/a");
  CHECK(tree.ask<int>(before, caf::get_atom_v) == 6);
  CHECK(tree.ask<int>(before, caf::get_atom_v) == 7);
  REQUIRE(tree.command("a", supervisor_command::kind::restart));
  CHECK(tree.actor("/a") == before);
  CHECK(tree.ask<int>(before, caf::get_atom_v) == 6);
  REQUIRE(tree.command("a", supervisor_command::kind::stop));
  CHECK_FALSE(branch::find(tree.root, "/a"));
  CHECK(tree.ask_error(before, caf::get_atom_v).code == errc::actor_stopped);
}

TEST_CASE("a mailbox is not full because others' messages were taken in between", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  auto where = branch::find(tree.root, "/a");
  REQUIRE(where);
  // What a sender may see between its own counting and its look at what was taken.
  where->place->taken.fetch_add(3);
  CHECK(tree.ask<int>(tree.actor("/a"), caf::get_atom_v) == 1);
  CHECK(where->place->refused.load() == 0);
}
