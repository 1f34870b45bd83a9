#include "runtime/supervision/test_actors.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;
using namespace std::chrono_literals;

TEST_CASE("a supervised actor restarts in place with new state behind the same handle",
          "[supervision]") {
  auto how = GENERATE(0, 1, 2, 3, 4);
  std::shared_ptr<recipe> recipes[] = {make_recipe(plain, 0), make_recipe(stateful),
                                       make_recipe(typed), make_class_recipe<with_reset>(),
                                       make_class_recipe<caf::stateful_actor<state_class>>(0)};
  test_tree tree{{flags(strategy::one_for_one), {worker("a", recipes[how])}}};
  auto a = tree.actor("/a");
  REQUIRE(a);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 2);
  auto failure = tree.ask_error(a, caf::put_atom_v);
  CHECK(failure.code == errc::actor_crashed);
  CHECK(failure.message.find("boom") != std::string::npos);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(tree.actor("/a") == a);
  CHECK(tree.wait_until([&] { return tree.entry("/a").state == child_state::running; }));
  auto entry = tree.entry("/a");
  CHECK(entry.restarts == 1);
  CHECK(entry.incarnation == 2);
  REQUIRE(entry.last);
  CHECK(entry.last->reason == "std::runtime_error: boom");
}

TEST_CASE("the stack at the throw is kept, with the function that threw", "[supervision]") {
  renew_stack_budget();
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  auto a = tree.actor("/a");
  tree.ask_error(a, caf::put_atom_v);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").state == child_state::running; }));
  auto history = tree.root->history("a");
  REQUIRE(history.size() == 1);
  CHECK(history[0].message_type == "put");
  CHECK(history[0].downtime > 0ns);
  auto lines = symbolize(history[0].stack);
  REQUIRE_FALSE(lines.empty());
  CAPTURE(lines);
  CHECK(lines[0].find("test_actors.hpp") != std::string::npos);
}

TEST_CASE("a full mailbox rejects requests with mailbox_full and sends others to the dead letters",
          "[supervision]") {
  auto start = worker("a", make_recipe(plain, 0));
  auto spec = *start.spec;
  spec.mailbox.limit = 3;
  start.spec = std::make_shared<child_spec>(spec);
  test_tree tree{{flags(strategy::one_for_one), {start}}};
  auto a = tree.actor("/a");
  REQUIRE(tree.command("a", supervisor_command::kind::suspend));
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").state == child_state::suspended; }));
  for (int i = 0; i < 5; ++i)
    caf::anon_send(a, caf::get_atom_v);
  CHECK(tree.entry("/a").mailbox == 3);
  CHECK(tree.watcher->dead_count() == 2);
  CHECK(tree.ask_error(a, caf::get_atom_v).code == errc::mailbox_full);
  REQUIRE(tree.command("a", supervisor_command::kind::resume));
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").mailbox == 0; }));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 4);
}

TEST_CASE("a full mailbox that drops the newest refuses requests, and counts what it drops",
          "[supervision]") {
  auto start = with_spec(worker("a", make_recipe(plain, 0)), [](child_spec& x) {
    x.mailbox.limit = 3;
    x.mailbox.overflow = overflow::drop_newest;
  });
  test_tree tree{{flags(strategy::one_for_one), {start}}};
  auto a = tree.actor("/a");
  REQUIRE(tree.command("a", supervisor_command::kind::suspend));
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").state == child_state::suspended; }));
  for (int i = 0; i < 5; ++i)
    caf::anon_send(a, caf::get_atom_v);
  CHECK(tree.entry("/a").mailbox == 3);
  CHECK(tree.ask_error(a, caf::get_atom_v).code == errc::mailbox_full);
  auto where = branch::find(tree.root, "/a");
  REQUIRE((where && where->place));
  CHECK(where->place->refused == 3);
  REQUIRE(tree.command("a", supervisor_command::kind::resume));
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").mailbox == 0; }));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 4);
  CHECK(tree.watcher->dead_count() == 0);
}

TEST_CASE("a full mailbox lets in a down message, an answer and a timer: they do not count",
          "[supervision]") {
  auto log = std::make_shared<diary>();
  std::promise<void> busy, full, armed, go;
  test_tree tree{{flags(strategy::one_for_one), {}}};
  mortal helper{tree.system};
  auto asked =
    tree.system.spawn([]() -> caf::behavior { return {[](caf::get_atom) { return 1; }}; });
  supervisor_command add;
  add.what = supervisor_command::kind::add_child;
  add.id = "a";
  add.child = with_spec(
    worker("a", make_recipe([&, log](caf::event_based_actor* self) -> caf::behavior {
             self->set_down_handler([log](caf::down_msg&) { log->add("down"); });
             return {[](caf::get_atom) { return 1; },
                     [&, log, self](caf::ok_atom) {
                       busy.set_value();
                       full.get_future().wait_for(10s);
                       self->monitor(helper.handle);
                       self->request(asked, caf::infinite, caf::get_atom_v).then([log](int) {
                         log->add("answer");
                       });
                       self->run_delayed(0s, [log] { log->add("timer"); });
                       armed.set_value();
                       go.get_future().wait_for(10s);
                     }};
           })),
    [](child_spec& x) {
      x.mailbox.limit = 3;
      x.isolation = isolation::thread;
    });
  REQUIRE(tree.command(add));
  auto a = tree.actor("/a");
  caf::anon_send(a, caf::ok_atom_v);
  REQUIRE(busy.get_future().wait_for(10s) == std::future_status::ready);
  for (int i = 0; i < 2; ++i)
    caf::anon_send(a, caf::get_atom_v);
  // The third is the one that it is busy with.
  CHECK(tree.entry("/a").mailbox == 3);
  CHECK(tree.ask_error(a, caf::get_atom_v).code == errc::mailbox_full);
  full.set_value();
  REQUIRE(armed.get_future().wait_for(10s) == std::future_status::ready);
  helper.end();
  // Each of these comes after what is sent to the full mailbox.
  CHECK(tree.ask<int>(asked, caf::get_atom_v) == 1);
  auto later = tree.system.spawn([](caf::event_based_actor* self) -> caf::behavior {
    return {[self](caf::get_atom) {
      auto promise = self->make_response_promise<int>();
      self->run_delayed(1ms, [promise]() mutable { promise.deliver(1); });
      return promise;
    }};
  });
  CHECK(tree.ask<int>(later, caf::get_atom_v) == 1);
  CHECK(tree.entry("/a").mailbox == 3);
  CHECK(tree.ask_error(a, caf::get_atom_v).code == errc::mailbox_full);
  go.set_value();
  CHECK(tree.wait_until([&] { return log->lines().size() == 3; }));
  for (auto* what : {"down", "answer", "timer"})
    CHECK(log->count(what) == 1);
  auto where = branch::find(tree.root, "/a");
  REQUIRE((where && where->place));
  CHECK(where->place->refused == 2);
  CHECK(tree.watcher->dead_count() == 0);
  for (auto& x : {asked, later})
    caf::anon_send_exit(x, caf::exit_reason::kill);
}
