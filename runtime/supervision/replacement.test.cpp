#include "runtime/supervision/test_actors.hpp"

#include <caf/blocking_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

#include <thread>

// Actor classes that keep members over make_behavior(): each restart takes a new actor behind the same handle.
using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;
using namespace std::chrono_literals;

namespace {

struct keeper : caf::event_based_actor {
  static inline std::atomic<int> live{0};
  static inline std::atomic<int> fail_constructor{0}; ///< The next one throws when it is 1.

  explicit keeper(caf::actor_config& cfg, std::shared_ptr<diary> book = nullptr)
    : event_based_actor(cfg),
      log(std::move(book)) {
    if (fail_constructor > 0 && --fail_constructor == 0)
      throw std::runtime_error("in the constructor");
    ++live;
  }

  ~keeper() override { --live; }

  caf::behavior make_behavior() override {
    return {
      [this](caf::get_atom) { return ++n; },
      [](caf::put_atom) { throw std::runtime_error("boom"); },
      [this](int x) {
        if (x % 1000 == 0)
          throw std::runtime_error("every thousandth");
        log->add(std::to_string(x));
      },
      [this](int from, int x) { log->add(std::to_string(from) + ":" + std::to_string(x)); },
      [this](caf::ok_atom, const std::string& what) { log->add(what); },
      [this](caf::add_atom, const caf::actor& to) { to_subscribe(to); },
      [this](caf::update_atom) {
        // Its answer, and that of its end, are in the mailbox when this throws.
        mortal helper{system()};
        monitor(helper.handle);
        to_subscribe(helper.handle);
        helper.end();
        throw std::runtime_error("boom");
      },
      [this](caf::join_atom) { return caf::actor{this}; },
      [this](caf::tick_atom) {
        run_delayed(20ms, [book = log] { book->add("old timer"); });
        delayed_send(this, 20ms, caf::ok_atom_v, std::string{"old message"});
      },
      [this](caf::leave_atom) { run_delayed(60ms, [book = log] { book->add("new timer"); }); },
    };
  }

  std::string describe() const { return R"({"n":)" + std::to_string(n) + "}"; }

  void before_restart(const std::string& reason) {
    if (log)
      log->add("before_restart: " + reason);
  }

  void before_stop() {
    if (log)
      log->add("before_stop");
  }

  void to_subscribe(const caf::actor& to) {
    request(to, caf::infinite, caf::get_atom_v).then([this](int) { log->add("answer"); });
  }

  int n = 0;
  std::shared_ptr<diary> log;
};

using typed_keeper_handle =
  caf::typed_actor<caf::result<int>(caf::get_atom), caf::result<void>(caf::put_atom)>;

struct typed_keeper : typed_keeper_handle::base {
  explicit typed_keeper(caf::actor_config& cfg) : typed_keeper_handle::base(cfg) {}
  behavior_type make_behavior() override {
    return {[this](caf::get_atom) { return ++n; },
            [](caf::put_atom) { throw std::runtime_error("boom"); }};
  }
  int n = 0;
};

// Has a state, but also a member that nothing would reset.
struct state_and_more : caf::stateful_actor<counter_state> {
  explicit state_and_more(caf::actor_config& cfg) : stateful_actor(cfg) {}
  caf::behavior make_behavior() override {
    return {[this](caf::get_atom) { return ++state.n + 100 * ++n; },
            [](caf::put_atom) { throw std::runtime_error("boom"); }};
  }
  int n = 0;
};

caf::behavior with_own_class(state_and_more* self) {
  return {[self](caf::get_atom) { return ++self->n; },
          [](caf::put_atom) { throw std::runtime_error("boom"); }};
}

std::shared_ptr<recipe> keeper_recipe(std::shared_ptr<diary> log = nullptr) {
  return make_class_recipe<keeper>(std::move(log));
}

supervisor_spec alone(child_start x) {
  return {flags(strategy::one_for_one), {std::move(x)}};
}

} // namespace

TEST_CASE("a class that keeps members is replaced behind the same handle", "[supervision]") {
  auto how = GENERATE(0, 1, 2, 3);
  CAPTURE(how);
  std::shared_ptr<recipe> recipes[] = {keeper_recipe(), make_class_recipe<typed_keeper>(),
                                       make_class_recipe<state_and_more>(),
                                       make_recipe(with_own_class)};
  test_tree tree{alone(worker("a", recipes[how]))};
  auto a = tree.actor("/a");
  REQUIRE(a);
  auto first = tree.ask<int>(a, caf::get_atom_v);
  REQUIRE(first);
  CHECK(tree.ask<int>(a, caf::get_atom_v) > first);
  for (uint32_t incarnation = 2; incarnation < 5; ++incarnation) {
    auto failure = tree.ask_error(a, caf::put_atom_v);
    CHECK(failure.code == errc::actor_crashed);
    CHECK(failure.message.find("boom") != std::string::npos);
    CHECK(tree.ask<int>(a, caf::get_atom_v) == first);
    CHECK(tree.actor("/a") == a);
    REQUIRE(tree.wait_until([&] { return tree.entry("/a").state == child_state::running; }));
    CHECK(tree.entry("/a").incarnation == incarnation);
  }
  CHECK(tree.entry("/a").restarts == 3);
}

TEST_CASE("replacement: the new one is another CAF actor and nothing of the old one is left",
          "[supervision]") {
  {
    auto where = GENERATE(isolation::shared, isolation::thread);
    test_tree tree{
      alone(with_spec(worker("a", keeper_recipe()), [&](child_spec& x) { x.isolation = where; }))};
    auto a = tree.actor("/a");
    auto id = [&] {
      auto self = tree.ask<caf::actor>(a, caf::join_atom_v);
      return self ? self->id() : 0;
    };
    auto first = id();
    CHECK(first != a.id());
    tree.ask_error(a, caf::put_atom_v);
    CHECK(id() != first);
    CHECK(tree.actor("/a") == a);
    CHECK(tree.wait_until([] { return keeper::live == 1; }));
  }
  CHECK(keeper::live == 0);
}

TEST_CASE("replacement: what waits in the mailbox is handled by the next ones, in order",
          "[supervision]") {
  auto log = std::make_shared<diary>();
  test_tree tree{alone(worker("a", keeper_recipe(log)))};
  auto a = tree.actor("/a");
  for (int i = 1; i <= 5000; ++i)
    caf::anon_send(a, i);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  std::vector<int> seen;
  for (auto& line : log->lines())
    if (line.find_first_not_of("0123456789") == std::string::npos)
      seen.push_back(std::stoi(line));
  CHECK(seen.size() == 4995);
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(tree.entry("/a").restarts == 5);
  CHECK(tree.wait_until([&] { return tree.watcher->dead_count() == 5; }));
  CHECK(tree.wait_until([&] { return tree.entry("/a").mailbox == 0; }));
}

TEST_CASE("replacement: nothing is lost and nothing overtakes while others send", "[supervision]") {
  constexpr int senders = 3;
  constexpr int each = 2000;
  auto log = std::make_shared<diary>();
  test_tree tree{alone(worker("a", keeper_recipe(log)))};
  auto a = tree.actor("/a");
  // One of them through a handle that an incarnation gave away.
  auto given = tree.ask<caf::actor>(a, caf::join_atom_v);
  REQUIRE(given);
  std::vector<std::thread> threads;
  for (int from = 0; from < senders; ++from)
    threads.emplace_back([&, from] {
      for (int i = 0; i < each; ++i) {
        caf::anon_send(a, from, i);
        if (from == 0 && i % 100 == 0)
          caf::anon_send(a, caf::put_atom_v);
      }
    });
  for (auto& x : threads)
    x.join();
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  std::vector<int> next(senders, 0);
  size_t out_of_order = 0;
  for (auto& line : log->lines()) {
    auto colon = line.find(':');
    if (colon == std::string::npos || line.starts_with("before"))
      continue;
    auto from = static_cast<size_t>(std::stoi(line.substr(0, colon)));
    if (std::stoi(line.substr(colon + 1)) != next[from]++)
      ++out_of_order;
  }
  CHECK(out_of_order == 0);
  CHECK(next == std::vector<int>(senders, each));
  CHECK(tree.entry("/a").restarts == each / 100);
  caf::anon_send(*given, caf::ok_atom_v, std::string{"through the old handle"});
  CHECK(tree.wait_until([&] { return log->count("through the old handle") == 1; }));
  given.reset();
}

TEST_CASE("replacement: monitors and links hear of the end once, when the child ends for good",
          "[supervision]") {
  auto log = std::make_shared<diary>();
  test_tree tree{alone(worker("a", keeper_recipe()))};
  auto a = tree.actor("/a");
  auto given = tree.ask<caf::actor>(a, caf::join_atom_v);
  REQUIRE(given);
  auto observer = tree.system.spawn([=](caf::event_based_actor* self) -> caf::behavior {
    self->monitor(a);
    self->monitor(*given);
    self->link_to(a);
    self->set_down_handler([=](caf::down_msg& x) {
      log->add(x.source == a.address() ? "down" : "down of the one it was then");
    });
    self->set_exit_handler([=](caf::exit_msg& x) {
      log->add("exit");
      if (x.source != a.address())
        self->quit();
    });
    return {[](caf::get_atom) { return 1; }};
  });
  CHECK(tree.ask<int>(observer, caf::get_atom_v) == 1);
  given.reset();
  for (int i = 0; i < 3; ++i) {
    CHECK(tree.ask_error(a, caf::put_atom_v).code == errc::actor_crashed);
    CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  }
  CHECK(tree.ask<int>(observer, caf::get_atom_v) == 1);
  CHECK(log->lines().empty());
  REQUIRE(tree.command("a", supervisor_command::kind::stop));
  CHECK(tree.wait_until([&] { return log->lines().size() == 3; }));
  CHECK(log->count("down") == 1);
  CHECK(log->count("down of the one it was then") == 1);
  CHECK(log->count("exit") == 1);
  caf::anon_send_exit(observer, caf::exit_reason::kill);
}

TEST_CASE("replacement: an end of an actor that is linked to it is a crash like any other",
          "[supervision]") {
  test_tree tree{alone(worker("a", keeper_recipe()))};
  auto a = tree.actor("/a");
  caf::scoped_actor self{tree.system};
  auto peer = self->spawn([=](caf::event_based_actor* self) -> caf::behavior {
    self->link_to(a);
    return {[](caf::get_atom) { return 1; }};
  });
  CHECK(tree.ask<int>(peer, caf::get_atom_v) == 1);
  caf::anon_send_exit(peer, caf::exit_reason::kill);
  CHECK(tree.wait_until([&] { return tree.entry("/a").incarnation == 2; }));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
}

TEST_CASE("replacement: the bound, suspend, inspect and kill work as for others", "[supervision]") {
  auto log = std::make_shared<diary>();
  auto start =
    with_spec(worker("a", keeper_recipe(log)), [](child_spec& x) { x.mailbox.limit = 3; });
  test_tree tree{alone(start)};
  auto a = tree.actor("/a");
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(describe(tree, "/a").json == R"({"n":1})");
  REQUIRE(tree.command("a", supervisor_command::kind::suspend));
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").state == child_state::suspended; }));
  for (int i = 1; i <= 5; ++i)
    caf::anon_send(a, caf::ok_atom_v, std::to_string(i));
  CHECK(tree.entry("/a").mailbox == 3);
  CHECK(tree.watcher->dead_count() == 2);
  CHECK(tree.ask_error(a, caf::get_atom_v).code == errc::mailbox_full);
  // Also over a replacement, by the new one.
  REQUIRE(tree.command("a", supervisor_command::kind::kill));
  REQUIRE(tree.wait_until([&] {
    return tree.entry("/a").incarnation == 2 && tree.entry("/a").state == child_state::suspended;
  }));
  CHECK(describe(tree, "/a").json == R"({"n":0})");
  CHECK(tree.entry("/a").mailbox == 3);
  CHECK(tree.ask_error(a, caf::get_atom_v).code == errc::mailbox_full);
  CHECK(log->lines() == std::vector<std::string>{"before_restart: killed"});
  REQUIRE(tree.command("a", supervisor_command::kind::resume));
  CHECK(tree.wait_until([&] { return tree.entry("/a").mailbox == 0; }));
  CHECK(log->lines() == std::vector<std::string>{"before_restart: killed", "1", "2", "3"});
  REQUIRE(tree.command("a", supervisor_command::kind::stop));
  CHECK(log->count("before_stop") == 1);
  CHECK(tree.entry("/a").state == child_state::stopped);
}

TEST_CASE("replacement: under every strategy", "[supervision]") {
  auto how = GENERATE(strategy::one_for_one, strategy::one_for_all, strategy::rest_for_one);
  test_tree tree{
    {flags(how),
     {worker("a", keeper_recipe()), worker("b", keeper_recipe()), worker("c", keeper_recipe())}}};
  caf::actor all[] = {tree.actor("/a"), tree.actor("/b"), tree.actor("/c")};
  for (auto& x : all)
    CHECK(tree.ask<int>(x, caf::get_atom_v) == 1);
  tree.ask_error(all[1], caf::put_atom_v);
  CHECK(tree.ask<int>(all[1], caf::get_atom_v) == 1);
  CHECK(tree.ask<int>(all[0], caf::get_atom_v) == (how == strategy::one_for_all ? 1 : 2));
  CHECK(tree.ask<int>(all[2], caf::get_atom_v) == (how == strategy::one_for_one ? 2 : 1));
  CHECK(tree.actor("/a") == all[0]);
  CHECK(tree.actor("/b") == all[1]);
  CHECK(tree.actor("/c") == all[2]);
}

TEST_CASE("replacement: under simple_one_for_one, and restarted by hand", "[supervision]") {
  test_tree tree{{flags(strategy::simple_one_for_one), {worker("t", keeper_recipe())}}};
  supervisor_command add;
  add.what = supervisor_command::kind::add_child;
  add.id = "a";
  REQUIRE(tree.command(add));
  auto a = tree.actor("/a");
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  tree.ask_error(a, caf::put_atom_v);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  REQUIRE(tree.command("a", supervisor_command::kind::restart));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(tree.actor("/a") == a);
}

TEST_CASE("replacement: a constructor that throws is a failed start; the mailbox waits",
          "[supervision]") {
  auto log = std::make_shared<diary>();
  test_tree tree{alone(worker("a", keeper_recipe(log)))};
  auto a = tree.actor("/a");
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  keeper::fail_constructor = 1;
  caf::anon_send(a, caf::put_atom_v);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").state == child_state::running; }));
  CHECK(tree.entry("/a").restarts == 2);
  auto history = tree.root->history("a");
  REQUIRE(history.size() == 2);
  CHECK(history[1].reason == "std::runtime_error: in the constructor");
  CHECK(log->count("before_restart: std::runtime_error: boom") == 1);
}

TEST_CASE("replacement: timers, messages to itself and late answers of the old one are dropped",
          "[supervision]") {
  auto log = std::make_shared<diary>();
  auto promise = std::make_shared<caf::response_promise>();
  test_tree tree{alone(worker("a", keeper_recipe(log)))};
  auto a = tree.actor("/a");
  auto helper = tree.system.spawn([=](caf::event_based_actor* self) -> caf::behavior {
    return {[=](caf::get_atom) {
              *promise = self->make_response_promise();
              log->add("asked");
              return *promise;
            },
            [=](caf::ok_atom) {
              promise->deliver(5);
              log->add("answered");
            }};
  });
  caf::anon_send(a, caf::add_atom_v, helper);
  REQUIRE(tree.wait_until([&] { return log->count("asked") == 1; }));
  caf::anon_send(a, caf::tick_atom_v);
  tree.ask_error(a, caf::put_atom_v);
  caf::anon_send(helper, caf::ok_atom_v);
  caf::anon_send(a, caf::leave_atom_v);
  REQUIRE(tree.wait_until([&] { return log->count("new timer") == 1; }));
  REQUIRE(tree.wait_until([&] { return log->count("answered") == 1; }));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(log->count("old timer") == 0);
  CHECK(log->count("old message") == 0);
  CHECK(log->count("answer") == 0);
  // The helper's promise knows the old actor, which is kept for this and counts what comes to it.
  CHECK(late(tree, "/a") >= 1);
  caf::anon_send_exit(helper, caf::exit_reason::kill);
  *promise = {};
}

TEST_CASE("replacement: what waits for the old one alone is not carried over", "[supervision]") {
  auto log = std::make_shared<diary>();
  test_tree tree{alone(worker("a", keeper_recipe(log)))};
  auto a = tree.actor("/a");
  auto silent = tree.system.spawn([](caf::event_based_actor* self) -> caf::behavior {
    self->set_default_handler(caf::skip);
    return {[](caf::ok_atom) {}};
  });
  caf::anon_send(a, caf::update_atom_v);
  // The new one numbers its requests from one again.
  caf::anon_send(a, caf::add_atom_v, silent);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 2);
  CHECK(log->count("answer") == 0);
  CHECK(late(tree, "/a") == 2);
  CHECK(describe(tree, "/a").pending_requests == 1);
  caf::anon_send_exit(silent, caf::exit_reason::kill);
}

TEST_CASE("replacement: a message that kills it is tried again by the next one", "[supervision]") {
  test_tree tree{
    alone(with_spec(worker("a", keeper_recipe()), [](child_spec& x) { x.poison_retries = 2; }))};
  auto a = tree.actor("/a");
  CHECK(tree.ask_error(a, caf::put_atom_v).code == errc::actor_crashed);
  CHECK(tree.wait_until([&] { return tree.watcher->dead_count() == 1; }));
  CHECK(tree.watcher->last_attempts() == 3);
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(tree.entry("/a").restarts == 3);
}

TEST_CASE("replacement: a mailbox that is to be discarded is", "[supervision]") {
  test_tree tree{alone(with_spec(worker("a", keeper_recipe()), [](child_spec& x) {
    x.mailbox.on_restart = on_restart::discard;
    x.backoff = backoff_spec{};
    x.backoff->min = x.backoff->max = 1h;
  }))};
  auto a = tree.actor("/a");
  caf::anon_send(a, caf::put_atom_v);
  REQUIRE(tree.wait_until([&] { return tree.entry("/a").state == child_state::backoff; }));
  caf::anon_send(a, caf::get_atom_v);
  caf::anon_send(a, caf::get_atom_v);
  REQUIRE(tree.command("a", supervisor_command::kind::restart));
  CHECK(tree.ask<int>(a, caf::get_atom_v) == 1);
  CHECK(tree.watcher->dead_count() == 3);
}

TEST_CASE("replacement: after its end for good the handle answers requests with that",
          "[supervision]") {
  test_tree tree{alone(worker("a", keeper_recipe()))};
  auto a = tree.actor("/a");
  REQUIRE(tree.command("a", supervisor_command::kind::stop));
  CHECK(tree.actor("/a") == nullptr);
  CHECK(tree.ask_error(a, caf::get_atom_v).code != errc::none);
  CHECK(tree.ask_error(a, caf::get_atom_v).code != errc::timeout);
}

TEST_CASE("which classes are restarted in place, replaced, or refused", "[supervision]") {
  using namespace coppice::supervision::detail;
  CHECK_FALSE(is_replaced<caf::event_based_actor>);
  CHECK_FALSE(is_replaced<caf::stateful_actor<counter_state>>);
  CHECK_FALSE(is_replaced<typed_keeper_handle::base>);
  CHECK_FALSE(is_replaced<caf::stateful_actor<counter_state, typed_keeper_handle::base>>);
  CHECK_FALSE(is_replaced<with_reset>);
  CHECK(is_replaced<keeper>);
  CHECK(is_replaced<typed_keeper>);
  CHECK(is_replaced<state_and_more>);
  CHECK(is_supervisable<keeper>);
  CHECK_FALSE(is_supervisable<caf::blocking_actor>);
}
