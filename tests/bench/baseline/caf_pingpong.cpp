// Two actors play with WINDOW balls: caf_pingpong WINDOW MESSAGES
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>

using namespace caf;

struct player {
  actor partner;
  int64_t left = 0;
};

behavior pong(stateful_actor<player>* self) {
  return {
    [=](const actor& ping) { self->state.partner = ping; },
    [=](int64_t ball) { self->send(self->state.partner, ball); },
  };
}

behavior ping(stateful_actor<player>* self, int64_t window, int64_t returns,
              std::promise<void>* done) {
  self->state.left = returns;
  return {
    [=](const actor& pong) {
      self->state.partner = pong;
      for (int64_t i = 0; i < window; ++i)
        self->send(pong, i);
    },
    [=](int64_t ball) {
      auto& left = self->state.left;
      if (--left >= window)
        self->send(self->state.partner, ball);
      else if (left == 0)
        done->set_value();
    },
  };
}

int main(int, char** argv) {
  auto window = std::atoll(argv[1]);
  auto messages = std::atoll(argv[2]);
  core::init_global_meta_objects();
  actor_system_config cfg;
  actor_system sys{cfg};
  std::promise<void> done;
  auto first = sys.spawn(ping, window, messages / 2, &done);
  auto second = sys.spawn(pong);
  anon_send(second, first);
  auto begun = std::chrono::steady_clock::now();
  anon_send(first, second);
  done.get_future().wait();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("{\"value\":%.1f,\"n\":%lld}\n", messages / took.count(), messages);
  std::fflush(stdout);
  std::_Exit(0);
}
