// Actors that are spawned and told to exit, WINDOW at a time: caf_spawn_stop WINDOW ACTORS
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>

using namespace caf;

behavior idle(event_based_actor*) {
  return {[](int64_t) {}};
}

behavior driver(event_based_actor* self, int64_t window, int64_t actors, std::promise<void>* done) {
  auto one = [=] {
    auto child = self->spawn<monitored>(idle);
    self->send_exit(child, exit_reason::user_shutdown);
  };
  self->set_down_handler([=, left = actors](const down_msg&) mutable {
    --left;
    if (left >= window)
      one();
    else if (left == 0)
      done->set_value();
  });
  return {[=](ok_atom) {
    for (int64_t i = 0; i < window; ++i)
      one();
  }};
}

int main(int, char** argv) {
  auto window = std::atoll(argv[1]);
  auto actors = std::atoll(argv[2]);
  core::init_global_meta_objects();
  actor_system_config cfg;
  actor_system sys{cfg};
  std::promise<void> done;
  auto boss = sys.spawn(driver, window, actors, &done);
  auto begun = std::chrono::steady_clock::now();
  anon_send(boss, ok_atom_v);
  done.get_future().wait();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("{\"value\":%.1f,\"n\":%lld}\n", actors / took.count(), actors);
  std::fflush(stdout);
  std::_Exit(0);
}
