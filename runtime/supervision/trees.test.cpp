#include "runtime/supervision/test_actors.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;
using namespace std::chrono_literals;

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

TEST_CASE("a transient supervisor comes back when it gave up, and not when it has done its work",
          "[supervision]") {
  auto gives_up = GENERATE(true, false);
  auto inner = std::make_shared<supervisor_spec>();
  inner->flags = flags(strategy::one_for_one, 0);
  inner->flags.auto_shutdown = auto_shutdown::any_significant;
  auto x = worker("x", make_recipe(plain, 0));
  child_spec work = *x.spec;
  work.restart = gives_up ? restart_type::permanent : restart_type::transient;
  work.significant = !gives_up;
  x.spec = std::make_shared<child_spec>(work);
  inner->children = {x};
  child_spec spec;
  spec.id = "inner";
  spec.kind = child_kind::supervisor;
  spec.restart = restart_type::transient;
  test_tree tree{{flags(strategy::one_for_one, 1),
                  {child_start{std::make_shared<child_spec>(spec), nullptr, inner}}}};
  auto actor = tree.actor("/inner/x");
  REQUIRE(actor);
  if (gives_up)
    tree.ask_error(actor, caf::put_atom_v);
  else
    caf::anon_send_exit(actor, caf::exit_reason::user_shutdown);
  CHECK(tree.wait_until([&] {
    auto now = tree.entry("/inner");
    return gives_up ? now.incarnation == 2 && now.state == child_state::running
                    : now.state == child_state::stopped;
  }));
}

TEST_CASE("stopping goes in reverse order and runs the hook; monitors hear of it once",
          "[supervision]") {
  struct noisy {
    std::shared_ptr<std::vector<std::string>> log;
    std::string id;
    noisy(std::pair<std::shared_ptr<std::vector<std::string>>, std::string> x)
      : log(x.first),
        id(x.second) {}
    caf::behavior make_behavior() {
      return {[this](caf::get_atom) { return static_cast<int>(log->size()); }};
    }
    void before_stop() { log->push_back(id); }
  };
  auto log = std::make_shared<std::vector<std::string>>();
  auto make = [&](std::string id) {
    return worker(id, make_class_recipe<caf::stateful_actor<noisy>>(std::pair{log, id}));
  };
  test_tree tree{{flags(strategy::one_for_one), {make("a"), make("b"), make("c")}}};
  caf::scoped_actor self{tree.system};
  self->monitor(tree.actor("/b"));
  tree.stop();
  tree.wait_end();
  CHECK(*log == std::vector<std::string>{"c", "b", "a"});
  int downs = 0;
  self->receive([&](caf::down_msg&) { ++downs; }, caf::after(2s) >> [] {});
  CHECK(downs == 1);
}
