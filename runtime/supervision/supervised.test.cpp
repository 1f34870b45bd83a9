#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/supervision/supervisor_actor.hpp"
#include "runtime/supervision/test_tree.hpp"

#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/typed_event_based_actor.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

using namespace coppice;
using namespace coppice::supervision;
using namespace std::chrono_literals;

namespace {

struct counter_state {
  static inline std::atomic<int> live{0};
  int n = 0;
  counter_state() { ++live; }
  ~counter_state() { --live; }
};

// One actor with every way to fail; `n` shows whether its state is new.
caf::behavior plain(caf::event_based_actor* self, int start) {
  auto n = std::make_shared<int>(start);
  return {
    [n](caf::get_atom) { return ++*n; },
    [](caf::put_atom) { throw std::runtime_error("boom"); },
    [self](caf::ok_atom, const caf::actor& helper, int how) {
      switch (how) {
        case 0:
          self->request(helper, 10s, caf::get_atom_v).then([](int) {
            throw std::runtime_error("in then");
          });
          break;
        case 1:
          self->request(helper, 10s, caf::get_atom_v).await([](int) {
            throw std::runtime_error("in await");
          });
          break;
        case 2:
          self->run_delayed(1ms, [] { throw std::runtime_error("in timer"); });
          break;
        case 3:
          self->become([](caf::put_atom) { throw std::runtime_error("in second behavior"); });
          caf::anon_send(self, caf::put_atom_v);
          break;
        case 4:
          self->set_down_handler([](caf::down_msg&) { throw std::runtime_error("in down"); });
          self->monitor(helper);
          caf::anon_send_exit(helper, caf::exit_reason::kill);
          break;
        case 5:
          self->set_default_handler(
            [](caf::scheduled_actor*, caf::message&) -> caf::skippable_result {
              throw std::runtime_error("in default");
            });
          caf::anon_send(self, std::string{"x"});
          break;
        case 6:
          self->become(
            caf::keep_behavior, [](caf::put_atom) {},
            caf::after(1ms) >> [] { throw std::runtime_error("in timeout"); });
          break;
        case 7:
          self->quit(caf::make_error(caf::sec::runtime_error, "quit with an error"));
          break;
        case 8:
          self->request(helper, 1ms, caf::put_atom_v).then([](int) {}); // Unhandled error answer.
          break;
        default:
          break;
      }
    },
  };
}

caf::behavior stateful(caf::stateful_actor<counter_state>* self) {
  return {
    [self](caf::get_atom) { return ++self->state.n; },
    [self](caf::put_atom) {
      self->state.n = 1000;
      throw std::runtime_error("boom");
    },
  };
}

using typed_counter =
  caf::typed_actor<caf::result<int>(caf::get_atom), caf::result<void>(caf::put_atom)>;

typed_counter::behavior_type typed(typed_counter::stateful_pointer<counter_state> self) {
  return {
    [self](caf::get_atom) { return ++self->state.n; },
    [](caf::put_atom) { throw std::runtime_error("boom"); },
  };
}

struct with_reset : caf::event_based_actor {
  explicit with_reset(caf::actor_config& cfg) : event_based_actor(cfg) {}
  void reset() { n = 0; }
  caf::behavior make_behavior() override {
    return {
      [this](caf::get_atom) { return ++n; },
      [](caf::put_atom) { throw std::runtime_error("boom"); },
    };
  }
  int n = 0;
};

struct state_class {
  explicit state_class(int start) : n(start) {}
  caf::behavior make_behavior() {
    return {
      [this](caf::get_atom) { return ++n; },
      [](caf::put_atom) { throw std::runtime_error("boom"); },
    };
  }
  int n;
};

child_start worker(std::string id, std::shared_ptr<recipe> how,
                   restart_type restart = restart_type::permanent) {
  child_spec spec;
  spec.id = std::move(id);
  spec.restart = restart;
  spec.shutdown.timeout = 2s;
  how->describe_as("test." + spec.id, "{}");
  return {std::make_shared<child_spec>(spec), std::move(how), nullptr};
}

supervisor_flags flags(supervision::strategy how, uint32_t intensity = 1000) {
  return {how, intensity, 10s, auto_shutdown::never};
}

} // namespace

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

TEST_CASE("the stack at the throw is kept, with the function that threw", "[supervision]") {
  test_tree tree{{flags(strategy::one_for_one), {worker("a", make_recipe(plain, 0))}}};
  auto a = tree.actor("/a");
  tree.ask_error(a, caf::put_atom_v);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  auto history = tree.root->history("a");
  REQUIRE(history.size() == 1);
  CHECK(history[0].message_type == "caf::put_atom");
  CHECK(history[0].downtime > 0ns);
  auto lines = symbolize(history[0].stack);
  REQUIRE_FALSE(lines.empty());
  CAPTURE(lines);
  CHECK(lines[0].find("supervised.test.cpp") != std::string::npos);
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
