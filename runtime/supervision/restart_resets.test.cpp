#include "runtime/supervision/test_actors.hpp"

#include <caf/default_attachable.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;
using namespace std::chrono_literals;

namespace {

using log_ptr = std::shared_ptr<diary>;

// One actor for all: what it is told to do, it does in its first incarnation only, and `put` crashes it.
child_start probe(std::function<void(caf::event_based_actor*)> first,
                  std::function<void(caf::event_based_actor*)> later = {}) {
  auto n = std::make_shared<int>(0);
  return worker("a", make_recipe([=](caf::event_based_actor* self) -> caf::behavior {
                  auto incarnation = ++*n;
                  if (incarnation == 1)
                    first(self);
                  else if (later)
                    later(self);
                  return {[incarnation](caf::get_atom) { return incarnation; },
                          [](caf::put_atom) { throw std::runtime_error("boom"); }};
                }));
}

// Crashes it and waits for the next incarnation.
void crash(test_tree& tree, const caf::actor& a, int next = 2) {
  CHECK(tree.ask_error(a, caf::put_atom_v).code == errc::actor_crashed);
  REQUIRE(tree.ask<int>(a, caf::get_atom_v) == next);
}

supervisor_spec alone(child_start x) {
  return {flags(strategy::one_for_one), {std::move(x)}};
}

size_t monitors_by(const caf::actor& observer, const caf::actor& of) {
  using tie = caf::default_attachable;
  return of->detach(tie::observe_token{observer.address(), tie::monitor});
}

struct promise_state {
  std::vector<caf::response_promise> open;
};

// Never answers `ok`; `get` tells how many wait for it.
caf::behavior keeps_promise(caf::stateful_actor<promise_state>* self) {
  return {
    [self](caf::ok_atom) { return self->state.open.emplace_back(self->make_response_promise()); },
    [self](caf::get_atom) { return static_cast<int>(self->state.open.size()); },
    [](caf::put_atom) { throw std::runtime_error("boom"); },
  };
}

} // namespace

TEST_CASE("a restart resets the behavior stack", "[supervision]") {
  test_tree tree{alone(probe(
    [](caf::event_based_actor* self) {
      // On top of the one that is returned.
      caf::anon_send(self, caf::ok_atom_v);
      self->set_default_handler([self](caf::message&) -> caf::skippable_result {
        self->become(
          caf::keep_behavior, [](caf::get_atom) { return 77; },
          [](caf::put_atom) { throw std::runtime_error("boom"); });
        return caf::message{};
      });
    },
    [](caf::event_based_actor* self) {
      self->set_default_handler([self](caf::message&) -> caf::skippable_result {
        self->unbecome();
        return caf::message{};
      });
    }))};
  auto a = tree.actor("/a");
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 77);
  crash(tree, a);
  // There is nothing under the new behavior: without it the actor ends, and is restarted.
  caf::anon_send(a, caf::ok_atom_v);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 3);
}

TEST_CASE("a restart resets the default handler", "[supervision]") {
  test_tree tree{alone(probe([](caf::event_based_actor* self) {
    self->set_default_handler(
      [](caf::message&) -> caf::skippable_result { return caf::make_message(42); });
  }))};
  auto a = tree.actor("/a");
  CHECK(tree.ask<int>(a, std::string{"what"}) == 42);
  crash(tree, a);
  CHECK_FALSE(tree.ask<int>(a, std::string{"what"}));
}

TEST_CASE("a restart resets the error handler", "[supervision]") {
  auto log = std::make_shared<diary>();
  test_tree tree{alone(probe([log](caf::event_based_actor* self) {
    self->set_error_handler([log](caf::error&) { log->add("error"); });
  }))};
  auto a = tree.actor("/a");
  caf::anon_send(a, caf::make_error(caf::sec::runtime_error));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(log->count("error") == 1);
  crash(tree, a);
  // CAF's own handler ends the actor, which is one more restart.
  caf::anon_send(a, caf::make_error(caf::sec::runtime_error));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 3);
  CHECK(log->count("error") == 1);
}

TEST_CASE("a restart resets the down handler", "[supervision]") {
  auto log = std::make_shared<diary>();
  test_tree tree{{flags(strategy::one_for_one), {}}};
  mortal first{tree.system};
  mortal second{tree.system};
  supervisor_command add;
  add.what = supervisor_command::kind::add_child;
  add.id = "a";
  add.child = probe(
    [&, log](caf::event_based_actor* self) {
      self->set_down_handler([log](caf::down_msg&) { log->add("down"); });
      self->monitor(first.handle);
    },
    [&](caf::event_based_actor* self) { self->monitor(second.handle); });
  REQUIRE(tree.command(add));
  auto a = tree.actor("/a");
  first.end();
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(log->count("down") == 1);
  crash(tree, a);
  second.end();
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 2);
  CHECK(log->count("down") == 1);
}

TEST_CASE("a restart resets the node_down handler", "[supervision]") {
  auto log = std::make_shared<diary>();
  test_tree tree{alone(probe([log](caf::event_based_actor* self) {
    self->set_node_down_handler([log](caf::node_down_msg&) { log->add("node down"); });
  }))};
  auto a = tree.actor("/a");
  auto lose = [&] { caf::anon_send(a, caf::node_down_msg{tree.system.node(), {}}); };
  lose();
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(log->count("node down") == 1);
  crash(tree, a);
  lose();
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 2);
  CHECK(log->count("node down") == 1);
}

TEST_CASE("a restart resets the exit handler", "[supervision]") {
  auto log = std::make_shared<diary>();
  test_tree tree{alone(probe([log](caf::event_based_actor* self) {
    self->set_exit_handler([log](caf::exit_msg&) { log->add("exit"); });
  }))};
  auto a = tree.actor("/a");
  caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(log->count("exit") == 1);
  crash(tree, a);
  caf::anon_send_exit(a, caf::exit_reason::user_shutdown);
  CHECK(tree.wait_until([&] { return tree.entry("/a").incarnation == 3; }));
  CHECK(log->count("exit") == 1);
}

TEST_CASE("a restart lets go of every special handler and what it holds", "[supervision]") {
  std::vector<std::weak_ptr<int>> held;
  auto hold = [&held] {
    auto x = std::make_shared<int>(0);
    held.emplace_back(x);
    return x;
  };
  test_tree tree{alone(probe([&](caf::event_based_actor* self) {
    self->set_default_handler(
      [x = hold()](caf::message&) -> caf::skippable_result { return caf::message{}; });
    self->set_error_handler([x = hold()](caf::error&) {});
    self->set_down_handler([x = hold()](caf::down_msg&) {});
    self->set_node_down_handler([x = hold()](caf::node_down_msg&) {});
    self->set_exit_handler([x = hold()](caf::exit_msg&) {});
    self->set_exception_handler([x = hold()](std::exception_ptr&) { return caf::error{}; });
    self->run_delayed(1h, [x = hold()] {});
  }))};
  auto a = tree.actor("/a");
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(held.size() == 7);
  crash(tree, a);
  for (size_t i = 0; i < 6; ++i) {
    CAPTURE(i);
    CHECK(held[i].expired());
  }
}

TEST_CASE("a restart cancels what is scheduled: delays, instants, messages to itself, time-outs",
          "[supervision]") {
  auto how = GENERATE(0, 1, 2, 3);
  CAPTURE(how);
  auto log = std::make_shared<diary>();
  auto schedule = [=](caf::event_based_actor* self, caf::timespan when, const char* what) {
    auto tell = [log, what] { log->add(what); };
    switch (how) {
      case 0:
        self->run_delayed(when, tell);
        break;
      case 1:
        self->run_scheduled(self->clock().now() + when, tell);
        break;
      case 2:
        self->delayed_send(self, when, std::string{what});
        break;
      default:
        self->run_scheduled(caf::make_timestamp() + when, tell);
        break;
    }
  };
  auto behavior = [=](caf::event_based_actor* self) -> caf::behavior {
    return {[=](int) { schedule(self, 20ms, "old"); },
            [=](caf::ok_atom) { schedule(self, 60ms, "new"); },
            [=](const std::string& what) { log->add(what); },
            [](caf::put_atom) { throw std::runtime_error("boom"); }};
  };
  test_tree tree{alone(worker("a", make_recipe(behavior)))};
  auto a = tree.actor("/a");
  caf::anon_send(a, 1);
  CHECK(tree.ask_error(a, caf::put_atom_v).code == errc::actor_crashed);
  caf::anon_send(a, caf::ok_atom_v);
  // The later one of the new incarnation: when it fired, the old one is overdue.
  REQUIRE(tree.wait_until([&] { return log->count("new") == 1; }));
  CHECK(log->lines() == std::vector<std::string>{"new"});
}

TEST_CASE("a restart cancels the time-out of the old behavior", "[supervision]") {
  auto log = std::make_shared<diary>();
  auto behavior = [=](caf::event_based_actor* self) -> caf::behavior {
    return {[=](int) {
              self->become(
                caf::keep_behavior, [](caf::put_atom) { throw std::runtime_error("boom"); },
                caf::after(20ms) >> [log] { log->add("old"); });
              // In the mailbox before the time-out can be.
              caf::anon_send(self, caf::put_atom_v);
            },
            [=](caf::ok_atom) { self->run_delayed(60ms, [log] { log->add("new"); }); }};
  };
  test_tree tree{alone(worker("a", make_recipe(behavior)))};
  auto a = tree.actor("/a");
  caf::anon_send(a, 1);
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").incarnation == 2; }));
  caf::anon_send(a, caf::ok_atom_v);
  REQUIRE(tree.wait_until([&] { return log->count("new") == 1; }));
  CHECK(log->lines() == std::vector<std::string>{"new"});
}

TEST_CASE("a restart forgets open requests; their late answers are dropped and counted",
          "[supervision]") {
  auto wait = GENERATE(false, true); // then, await
  auto log = std::make_shared<diary>();
  auto promise = std::make_shared<caf::response_promise>();
  test_tree tree{{flags(strategy::one_for_one), {}}};
  auto helper = tree.system.spawn([=](caf::event_based_actor* self) -> caf::behavior {
    return {[=](caf::get_atom) {
              *promise = self->make_response_promise();
              log->add("asked");
              return *promise;
            },
            [=](caf::ok_atom) { promise->deliver(5); }};
  });
  supervisor_command add;
  add.what = supervisor_command::kind::add_child;
  add.id = "a";
  add.child = probe([=](caf::event_based_actor* self) {
    auto answered = [log](int) { log->add("answer"); };
    auto request = self->request(helper, caf::infinite, caf::get_atom_v);
    if (wait)
      std::move(request).await(answered);
    else
      std::move(request).then(answered);
  });
  REQUIRE(tree.command(add));
  REQUIRE(tree.wait_until([&] { return log->count("asked") == 1; }));
  auto a = tree.actor("/a");
  CHECK(describe(tree, "/a").pending_requests == 1);
  // One that awaits looks at nothing else, so it is killed, not talked to.
  REQUIRE(tree.command("a", supervisor_command::kind::kill));
  REQUIRE(tree.ask<int>(a, caf::get_atom_v) == 2);
  CHECK(describe(tree, "/a").pending_requests == 0);
  caf::anon_send(helper, caf::ok_atom_v);
  CHECK(tree.wait_until([&] { return late(tree, "/a") == 1; }));
  CHECK(log->count("answer") == 0);
  caf::anon_send_exit(helper, caf::exit_reason::kill);
  *promise = {};
}

TEST_CASE("a promise in the old state answers broken_promise when the actor restarts in place",
          "[supervision]") {
  test_tree tree{alone(worker("a", make_recipe(keeps_promise)))};
  auto a = tree.actor("/a");
  caf::scoped_actor self{tree.system};
  auto waiting = self->request(a, 10s, caf::ok_atom_v);
  CHECK(tree.ask_error(a, caf::put_atom_v).code == errc::actor_crashed);
  caf::error why;
  waiting.receive([](int) {}, [&](caf::error& x) { why = std::move(x); });
  CHECK(why == caf::sec::broken_promise);
  CHECK(from_caf(why).code == errc::actor_crashed);
  CHECK(tree.actor("/a") == a);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 0);
}

TEST_CASE("a restart cuts links that the old incarnation made and ends what it linked",
          "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {}}};
  mortal helper{tree.system};
  supervisor_command add;
  add.what = supervisor_command::kind::add_child;
  add.id = "a";
  add.child = probe([&](caf::event_based_actor* self) { self->link_to(helper.handle); });
  REQUIRE(tree.command(add));
  auto a = tree.actor("/a");
  CHECK(describe(tree, "/a").links == 1);
  crash(tree, a);
  CHECK(describe(tree, "/a").links == 0);
  CHECK(helper.wait());
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 2);
}

TEST_CASE("the end of what the old incarnation linked, told before the restart, reaches nobody",
          "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {}}};
  mortal helper{tree.system};
  supervisor_command add;
  add.what = supervisor_command::kind::add_child;
  add.id = "a";
  add.child = worker("a", make_recipe([&](caf::event_based_actor* self) -> caf::behavior {
                       return {[&, self](caf::put_atom) {
                                 self->link_to(helper.handle);
                                 helper.end(); // Its message is in the mailbox now.
                                 throw std::runtime_error("boom");
                               },
                               [](caf::get_atom) { return 1; }};
                     }));
  REQUIRE(tree.command(add));
  auto a = tree.actor("/a");
  CHECK(tree.ask_error(a, caf::put_atom_v).code == errc::actor_crashed);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(tree.entry("/a").restarts == 1);
}

TEST_CASE("a restart undoes monitors that the old incarnation made", "[supervision]") {
  auto log = std::make_shared<diary>();
  test_tree tree{{flags(strategy::one_for_one), {}}};
  mortal helper{tree.system};
  supervisor_command add;
  add.what = supervisor_command::kind::add_child;
  add.id = "a";
  auto listen = [log](caf::event_based_actor* self) {
    self->set_down_handler([log](caf::down_msg&) { log->add("down"); });
  };
  add.child = probe(
    [&, listen](caf::event_based_actor* self) {
      listen(self);
      self->monitor(helper.handle);
      self->monitor(helper.handle);
    },
    listen);
  REQUIRE(tree.command(add));
  auto a = tree.actor("/a");
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  crash(tree, a);
  CHECK(monitors_by(a, helper.handle) == 0);
  helper.end();
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 2);
  CHECK(log->count("down") == 0);
}

TEST_CASE("a down message that waits at a restart reaches nobody; one for the new incarnation does",
          "[supervision]") {
  auto again = GENERATE(false, true);
  auto log = std::make_shared<diary>();
  test_tree tree{{flags(strategy::one_for_one), {}}};
  mortal helper{tree.system};
  supervisor_command add;
  add.what = supervisor_command::kind::add_child;
  add.id = "a";
  add.child = worker("a", make_recipe([&, log](caf::event_based_actor* self) -> caf::behavior {
                       self->set_down_handler([log](caf::down_msg&) { log->add("down"); });
                       return {[&, self](caf::put_atom) {
                                 self->monitor(helper.handle);
                                 helper.end(); // Its message is in the mailbox now.
                                 throw std::runtime_error("boom");
                               },
                               [&, self](caf::ok_atom) { self->monitor(helper.handle); },
                               [](caf::get_atom) { return 1; }};
                     }));
  REQUIRE(tree.command(add));
  auto a = tree.actor("/a");
  caf::anon_send(a, caf::put_atom_v);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  // Sent after the end of the helper was told.
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(log->count("down") == 0);
  CHECK(late(tree, "/a") == 1);
  if (again) {
    caf::anon_send(a, caf::ok_atom_v);
    CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
    CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
    CHECK(log->count("down") == 1);
  }
}

TEST_CASE("monitors of the same incarnation each tell once, also while it awaits an answer",
          "[supervision]") {
  auto log = std::make_shared<diary>();
  test_tree tree{{flags(strategy::one_for_one), {}}};
  mortal helper{tree.system};
  auto other =
    tree.system.spawn([]() -> caf::behavior { return {[](caf::get_atom) { return 1; }}; });
  supervisor_command add;
  add.what = supervisor_command::kind::add_child;
  add.id = "a";
  add.child = probe([&, log](caf::event_based_actor* self) {
    self->set_down_handler([log](caf::down_msg&) { log->add("down"); });
    self->monitor(helper.handle);
    self->monitor(helper.handle);
    helper.end();
    self->request(other, 10s, caf::get_atom_v).await([](int) {});
  });
  REQUIRE(tree.command(add));
  CHECK(tree.ask<int>(tree.actor("/a"), caf::get_atom_v) == 1);
  CHECK(log->count("down") == 2);
  crash(tree, tree.actor("/a"));
  CHECK(late(tree, "/a") == 0);
  caf::anon_send_exit(other, caf::exit_reason::kill);
}

TEST_CASE("a restart undoes monitors of nodes", "[supervision]") {
  auto log = std::make_shared<diary>();
  auto listen = [log](caf::event_based_actor* self) {
    self->set_node_down_handler([log](caf::node_down_msg&) { log->add("node down"); });
  };
  test_tree tree{alone(probe(
    [listen](caf::event_based_actor* self) {
      listen(self);
      self->monitor(self->node());
    },
    listen))};
  auto a = tree.actor("/a");
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  crash(tree, a);
  caf::anon_send(a, caf::node_down_msg{tree.system.node(), {}});
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 2);
  CHECK(log->count("node down") == 0);
  CHECK(late(tree, "/a") == 1);
}

TEST_CASE("an actor that ties itself to nothing pays one pointer for it", "[supervision]") {
  CHECK(sizeof(cell) <= 112);
}

TEST_CASE("no state and no timer of an old incarnation is left", "[supervision]") {
  auto ticks = std::make_shared<std::atomic<int>>(0);
  auto f = [ticks](caf::event_based_actor* self) -> caf::behavior {
    return {[=](caf::ok_atom) { self->run_delayed(20ms, [ticks] { ++*ticks; }); },
            [](caf::put_atom) { throw std::runtime_error("boom"); },
            [](caf::get_atom) { return 1; }};
  };
  {
    test_tree tree{{flags(strategy::one_for_one),
                    {worker("a", make_recipe(f)), worker("s", make_recipe(stateful))}}};
    auto a = tree.actor("/a");
    caf::anon_send(a, caf::ok_atom_v);
    tree.ask_error(a, caf::put_atom_v);
    // A second timer, longer than the first, of the new incarnation: when it fired, the first is overdue.
    caf::anon_send(a, caf::ok_atom_v);
    REQUIRE(tree.wait_until([&] { return ticks->load() > 0; }));
    CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
    CHECK(ticks->load() == 1);
    tree.ask_error(tree.actor("/s"), caf::put_atom_v);
    CHECK(tree.ask<int>(tree.actor("/s"), caf::get_atom_v) == 1);
    CHECK(counter_state::live == 1);
  }
  CHECK(counter_state::live == 0);
}
