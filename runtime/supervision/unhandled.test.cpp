#include "runtime/supervision/test_actors.hpp"

#include <caf/scoped_actor.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;
using namespace std::chrono_literals;

namespace {

// Of a class that keeps members, so it is replaced; its handler is set before it is anybody's.
struct sets_its_own : caf::event_based_actor {
  explicit sets_its_own(caf::actor_config& cfg) : event_based_actor(cfg) {
    set_default_handler(caf::drop);
  }
  caf::behavior make_behavior() override {
    return {[this](caf::get_atom) { return ++n; }};
  }
  int n = 0;
};

caf::behavior drops(caf::event_based_actor* self) {
  self->set_default_handler(caf::drop);
  return {[n = 0](caf::get_atom) mutable { return ++n; }};
}

} // namespace

TEST_CASE("a message without a handler is a dead letter, a request is refused", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  auto a = tree.actor("/a");
  auto place = branch::find(tree.root, "/a")->place;
  caf::anon_send(a, std::string{"nobody wants it"});
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(tree.watcher->take_lines() == std::vector<std::string>{"dead /a not_accepted"});
  CHECK(place->failed == 1);
  CHECK(tree.ask_error(a, std::string{"nor this"}).code == errc::not_accepted);
  CHECK(tree.watcher->take_lines().empty());
  // The same after a restart.
  tree.ask_error(a, caf::put_atom_v);
  caf::anon_send(a, std::string{"nobody wants it"});
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  auto told = tree.watcher->take_lines();
  CHECK(std::count(told.begin(), told.end(), "dead /a not_accepted") == 1);
}

TEST_CASE("a message without a handler goes where the actor's own default handler says",
          "[supervision]") {
  test_tree tree{
    {flags(strategy::one_for_one),
     {worker("a", make_recipe(drops)), worker("b", make_class_recipe<sets_its_own>())}}};
  for (auto* path : {"/a", "/b"}) {
    auto who = tree.actor(path);
    caf::anon_send(who, std::string{"nobody wants it"});
    CHECK(tree.ask<int>(who, caf::get_atom_v) == 1);
  }
  CHECK(tree.watcher->dead_count() == 0);
}

TEST_CASE("a message to a supervisor is a dead letter", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  auto root = caf::actor_cast<caf::actor>(tree.supervisor);
  caf::anon_send(root, std::string{"nobody wants it"});
  CHECK(tree.ask_error(root, std::string{"nor this"}).code == errc::not_accepted);
  CHECK(tree.watcher->take_lines() == std::vector<std::string>{"dead / not_accepted"});
}
