// A tree of tens adds up its leaves: caf_skynet LEAVES (a power of ten)
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/stateful_actor.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>

using namespace caf;

struct inner {
  int64_t sum = 0;
  int missing = 10;
};

behavior node(stateful_actor<inner>* self, actor parent, int64_t number, int64_t leaves) {
  if (leaves == 1) {
    self->send(parent, number);
    return {};
  }
  for (int64_t i = 0; i < 10; ++i)
    self->spawn(node, actor{self}, number + i * (leaves / 10), leaves / 10);
  return {[=](int64_t part) {
    self->state.sum += part;
    if (--self->state.missing == 0) {
      self->send(parent, self->state.sum);
      self->quit();
    }
  }};
}

int main(int, char** argv) {
  auto leaves = std::atoll(argv[1]);
  core::init_global_meta_objects();
  actor_system_config cfg;
  actor_system sys{cfg};
  scoped_actor self{sys};
  auto begun = std::chrono::steady_clock::now();
  sys.spawn(node, actor{self}, 0, leaves);
  int64_t sum = -1;
  self->receive([&](int64_t x) { sum = x; });
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  if (sum != leaves * (leaves - 1) / 2)
    return 1;
  std::printf("{\"value\":%.6f,\"n\":%lld}\n", took.count(), leaves);
  std::fflush(stdout);
  std::_Exit(0);
}
