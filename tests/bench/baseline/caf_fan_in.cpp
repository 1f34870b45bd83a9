// Many send to one: caf_fan_in SENDERS MESSAGES
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

behavior receiver(event_based_actor*, int64_t expected, std::promise<void>* done) {
  return {[=, left = expected](int64_t) mutable {
    if (--left == 0)
      done->set_value();
  }};
}

behavior sender(event_based_actor* self, int64_t messages) {
  return {[=](const actor& to) {
    for (int64_t i = 0; i < messages; ++i)
      self->send(to, i);
  }};
}

int main(int, char** argv) {
  auto senders = std::atoll(argv[1]);
  auto each = std::atoll(argv[2]) / senders;
  core::init_global_meta_objects();
  actor_system_config cfg;
  actor_system sys{cfg};
  std::promise<void> done;
  auto sink = sys.spawn(receiver, each * senders, &done);
  std::vector<actor> crowd;
  for (int64_t i = 0; i < senders; ++i)
    crowd.push_back(sys.spawn(sender, each));
  auto begun = std::chrono::steady_clock::now();
  for (auto& x : crowd)
    anon_send(x, sink);
  done.get_future().wait();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("{\"value\":%.1f,\"n\":%lld}\n", each * senders / took.count(), each * senders);
  std::fflush(stdout);
  std::_Exit(0);
}
