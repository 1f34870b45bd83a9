#include "runtime/supervision/test_actors.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch_test_macros.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;
using namespace std::chrono_literals;

TEST_CASE("a restart keeps the address: handles, ids and comparisons stay good", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  auto a = tree.actor("/a");
  auto address = a.address();
  auto id = a.id();
  for (int i = 0; i < 3; ++i) {
    tree.ask_error(a, caf::put_atom_v);
    CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
    auto now = tree.actor("/a");
    CHECK(now == a);
    CHECK(now.address() == address);
    CHECK(now.id() == id);
  }
}

TEST_CASE("a restart keeps monitors that others hold: they hear of the end once, for good",
          "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  caf::scoped_actor self{tree.system};
  auto a = tree.actor("/a");
  self->monitor(a);
  for (int i = 0; i < 3; ++i) {
    tree.ask_error(a, caf::put_atom_v);
    CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  }
  CHECK_FALSE(self->has_next_message());
  REQUIRE(tree.command("a", supervisor_command::kind::stop));
  int downs = 0;
  self->receive([&](caf::down_msg& x) { downs += x.source == a.address() ? 1 : 100; },
                caf::after(5s) >> [] {});
  CHECK(downs == 1);
  CHECK_FALSE(self->has_next_message());
}

TEST_CASE("each restart counts the incarnation up, where the actor itself and others see it",
          "[supervision]") {
  auto f = [](caf::event_based_actor*) -> caf::behavior {
    return {[](caf::get_atom) { return current_seat()->incarnation.load(); },
            [](caf::put_atom) { throw std::runtime_error("boom"); }};
  };
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(f))}}};
  auto a = tree.actor("/a");
  for (uint32_t i = 1; i < 5; ++i) {
    CHECK(tree.ask<uint32_t>(a, caf::get_atom_v) == i);
    CHECK(tree.wait_until([&] { return tree.entry("/a").incarnation == i; }));
    tree.ask_error(a, caf::put_atom_v);
  }
}

TEST_CASE("a mailbox that is to be discarded is: requests fail, messages become dead letters",
          "[supervision]") {
  auto start = with_spec(worker("a", make_recipe(plain, 0)), [](child_spec& x) {
    x.mailbox.on_restart = on_restart::discard;
    x.backoff = backoff_spec{};
    x.backoff->min = x.backoff->max = 1h;
  });
  test_tree tree{{flags(strategy::one_for_one), {start}}};
  auto a = tree.actor("/a");
  caf::anon_send(a, caf::put_atom_v);
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").state == child_state::backoff; }));
  caf::anon_send(a, caf::get_atom_v);
  caf::scoped_actor self{tree.system};
  auto waiting = self->request(a, 10s, caf::get_atom_v);
  REQUIRE(tree.command("a", supervisor_command::kind::restart));
  error why;
  waiting.receive([](int) {}, [&](caf::error& x) { why = from_caf(x); });
  CHECK(why.code == errc::actor_crashed);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(tree.watcher->dead_count() == 2);
}

TEST_CASE("messages that wait in the mailbox survive a restart, in order", "[supervision]") {
  auto seen = std::make_shared<std::vector<int>>();
  auto f = [seen](caf::event_based_actor*) -> caf::behavior {
    return {
      [seen](int x) {
        if (x % 1000 == 0)
          throw std::runtime_error("every thousandth");
        seen->push_back(x);
      },
      [seen](caf::get_atom) { return static_cast<int>(seen->size()); },
    };
  };
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(f))}}};
  auto a = tree.actor("/a");
  for (int i = 1; i <= 5000; ++i)
    caf::anon_send(a, i);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 4995);
  CHECK(std::is_sorted(seen->begin(), seen->end()));
  CHECK(tree.entry("/a").restarts == 5);
  CHECK(tree.wait_until([&] { return tree.watcher->dead_count() == 5; }));
}

TEST_CASE(
  "poison: a message may be delivered again, then its sender and the dead letters hear of it",
  "[supervision]") {
  auto deliveries = std::make_shared<std::atomic<int>>(0);
  auto f = [deliveries](caf::event_based_actor*) -> caf::behavior {
    return {[deliveries](caf::put_atom) {
              ++*deliveries;
              throw std::runtime_error("poison");
            },
            [](caf::get_atom) { return 1; }};
  };
  auto start = worker("a", make_recipe(f));
  auto spec = *start.spec;
  spec.poison_retries = 2;
  start.spec = std::make_shared<child_spec>(spec);
  test_tree tree{{flags(strategy::one_for_one), {start}}};
  CHECK(tree.ask_error(tree.actor("/a"), caf::put_atom_v).code == errc::actor_crashed);
  CHECK(*deliveries == 3);
  CHECK(tree.wait_until([&] { return tree.watcher->dead_count() == 1; }));
  CHECK(tree.watcher->last_attempts() == 3);
  CHECK(tree.ask<int>(tree.actor("/a"), caf::get_atom_v) == 1);
}

TEST_CASE("a restart keeps links that others made: they hear of the end once, for good",
          "[supervision]") {
  auto log = std::make_shared<diary>();
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  auto a = tree.actor("/a");
  auto peer = [&](bool stays) {
    return tree.system.spawn([=](caf::event_based_actor* self) -> caf::behavior {
      self->link_to(a);
      if (stays)
        self->set_exit_handler([=](caf::exit_msg& x) {
          log->add(x.source == a.address() ? "exit" : "exit of somebody else");
        });
      return {[](caf::get_atom) { return 1; }};
    });
  };
  auto observer = peer(true);
  CHECK(tree.ask<int>(observer, caf::get_atom_v) == 1);
  for (int i = 0; i < 3; ++i) {
    tree.ask_error(a, caf::put_atom_v);
    CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  }
  CHECK(tree.ask<int>(observer, caf::get_atom_v) == 1);
  CHECK(log->lines().empty());
  // The other way, too: still tied after three restarts, an end of the peer is a crash.
  auto mortal_peer = peer(false);
  CHECK(tree.ask<int>(mortal_peer, caf::get_atom_v) == 1);
  tree.ask_error(a, caf::put_atom_v);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").incarnation == 5; }));
  caf::anon_send_exit(mortal_peer, caf::exit_reason::kill);
  CHECK(tree.wait_until([&] { return tree.entry("/a").incarnation == 6; }));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(log->lines().empty());
  REQUIRE(tree.command("a", supervisor_command::kind::stop));
  CHECK(tree.wait_until([&] { return !log->lines().empty(); }));
  CHECK(tree.ask<int>(observer, caf::get_atom_v) == 1);
  CHECK(log->lines() == std::vector<std::string>{"exit"});
  caf::anon_send_exit(observer, caf::exit_reason::kill);
}
