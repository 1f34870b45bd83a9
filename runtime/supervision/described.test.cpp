// What an actor's description says of those that it monitors.
#include "runtime/supervision/test_actors.hpp"

#include <caf/send.hpp>

#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;

TEST_CASE("a description names whom the incarnation monitors, once each", "[supervision]") {
  caf::actor helper;
  auto behavior = [&helper](caf::event_based_actor* self) -> caf::behavior {
    return {[self, &helper](caf::ok_atom) {
              self->monitor(helper);
              self->monitor(helper);
            },
            [](int) { throw std::runtime_error("boom"); }};
  };
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(behavior))}}};
  helper = tree.system.spawn([] { return caf::behavior{[](int) {}}; });
  CHECK(describe(tree, "/a").monitored.empty());
  caf::anon_send(tree.actor("/a"), caf::ok_atom_v);
  REQUIRE(tree.wait_until([&] { return !describe(tree, "/a").monitored.empty(); }));
  CHECK(describe(tree, "/a").monitored == std::vector<caf::actor_addr>{helper.address()});
  caf::anon_send(tree.actor("/a"), 1);
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").incarnation == 2; }));
  CHECK(describe(tree, "/a").monitored.empty());
  caf::anon_send_exit(helper, caf::exit_reason::kill);
  helper = nullptr;
}
