#include "runtime/scheduling/install.hpp"

#include <catch2/catch_test_macros.hpp>

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <future>

using namespace coppice;
using namespace std::chrono_literals;

namespace {

struct system_of : caf::actor_system_config {
  explicit system_of(int64_t threads) {
    caf::core::init_global_meta_objects();
    set("caf.scheduler.max-threads", threads);
    set("caf.scheduler.max-throughput", 50);
    scheduling::install(*this);
  }
};

// A tree of tens: much to steal, from long queues.
caf::behavior adder(caf::event_based_actor* self, caf::actor parent, int64_t leaves) {
  if (leaves == 1) {
    self->send(parent, int64_t{1});
    return {};
  }
  for (int i = 0; i < 10; ++i)
    self->spawn(adder, caf::actor{self}, leaves / 10);
  return {[=, sum = int64_t{0}, missing = 10](int64_t part) mutable {
    sum += part;
    if (--missing == 0) {
      self->send(parent, sum);
      self->quit();
    }
  }};
}

} // namespace

TEST_CASE("every actor runs, with any number of threads", "[scheduling]") {
  for (int64_t threads : {1, 2, 3, 8}) {
    system_of config{threads};
    caf::actor_system system{config};
    caf::scoped_actor self{system};
    system.spawn(adder, caf::actor{self}, 10'000);
    int64_t sum = 0;
    self->receive([&](int64_t x) { sum = x; }, caf::after(30s) >> [] {});
    CHECK(sum == 10'000);
  }
}

TEST_CASE("an actor behind one that holds its thread runs on another thread", "[scheduling]") {
  system_of config{2};
  caf::actor_system system{config};
  for (int others = 1; others <= 3; ++others) {
    std::promise<void> let_go;
    std::atomic<int> ran{0};
    auto waiting = let_go.get_future();
    system.spawn([&, others](caf::event_based_actor* self) {
      for (int i = 0; i < others; ++i)
        self->spawn([&](caf::event_based_actor*) {
          if (++ran == others)
            let_go.set_value();
        });
      // Holds its thread until those behind it have run.
      waiting.wait_for(30s);
    });
    system.await_all_actors_done();
    CHECK(ran == others);
    CHECK(waiting.wait_for(0s) == std::future_status::ready);
  }
}

TEST_CASE("actors that keep each other busy do not starve another", "[scheduling]") {
  system_of config{1};
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  // Each message makes the other actor the newest that is runnable.
  auto player = [](caf::event_based_actor* me) -> caf::behavior {
    return {[=](caf::actor other) { me->send(other, caf::actor{me}); }};
  };
  auto first = system.spawn(player);
  auto second = system.spawn(player);
  caf::anon_send(first, second);
  auto echo = system.spawn(
    [](caf::event_based_actor*) -> caf::behavior { return {[](int64_t x) { return x; }}; });
  for (int64_t i = 0; i < 20; ++i) {
    int64_t answer = -1;
    self->request(echo, 30s, i).receive([&](int64_t x) { answer = x; }, [](const caf::error&) {});
    REQUIRE(answer == i);
  }
  for (auto& x : {first, second, echo})
    self->send_exit(x, caf::exit_reason::kill);
}

TEST_CASE("sleeping workers hear of work from outside", "[scheduling]") {
  system_of config{4};
  caf::actor_system system{config};
  caf::scoped_actor self{system};
  auto echo = system.spawn(
    [](caf::event_based_actor*) -> caf::behavior { return {[](int64_t x) { return x; }}; });
  for (int64_t i = 0; i < 2000; ++i) {
    int64_t answer = -1;
    self->request(echo, 30s, i).receive([&](int64_t x) { answer = x; }, [](const caf::error&) {});
    REQUIRE(answer == i);
  }
  self->send_exit(echo, caf::exit_reason::user_shutdown);
}

TEST_CASE("a system ends while actors wait for their turn", "[scheduling]") {
  for (int i = 0; i < 20; ++i) {
    system_of config{2};
    caf::actor_system system{config};
    system.await_actors_before_shutdown(false);
    for (int k = 0; k < 500; ++k) {
      auto busy = system.spawn([](caf::event_based_actor* self) -> caf::behavior {
        return {[=](caf::ok_atom) { self->send(self, caf::ok_atom_v); }};
      });
      caf::anon_send(busy, caf::ok_atom_v);
    }
  }
  SUCCEED("all of them came to an end");
}
