// An actor that throws is replaced by whoever monitors it, and its messages are lost: caf_restart RESTARTS
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <stdexcept>

using namespace caf;

behavior fragile(event_based_actor* self) {
  // The default handler prints each exception.
  self->set_exception_handler([](std::exception_ptr&) { return make_error(sec::runtime_error); });
  return {[](ok_atom) { throw std::runtime_error("broken"); }};
}

behavior driver(event_based_actor* self, int64_t restarts, std::promise<void>* done) {
  auto one = [=] { self->send(self->spawn<monitored>(fragile), ok_atom_v); };
  self->set_down_handler([=, left = restarts](const down_msg&) mutable {
    if (--left > 0)
      one();
    else
      done->set_value();
  });
  return {[=](ok_atom) { one(); }};
}

int main(int, char** argv) {
  auto restarts = std::atoll(argv[1]);
  core::init_global_meta_objects();
  actor_system_config cfg;
  actor_system sys{cfg};
  std::promise<void> done;
  auto boss = sys.spawn(driver, restarts, &done);
  auto begun = std::chrono::steady_clock::now();
  anon_send(boss, ok_atom_v);
  done.get_future().wait();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  std::printf("{\"value\":%.1f,\"n\":%lld}\n", restarts / took.count(), restarts);
  std::fflush(stdout);
  std::_Exit(0);
}
