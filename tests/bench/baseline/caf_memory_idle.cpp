// Idle actors, what they take and how long they take to start: caf_memory_idle GROUPS EACH
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/init_global_meta_objects.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <unistd.h>

using namespace caf;

behavior idle(event_based_actor*, std::atomic<int64_t>* missing, std::promise<void>* done) {
  if (--*missing == 0)
    done->set_value();
  return {[](int64_t) {}};
}

// As the supervisors of the other side do: who starts a group holds its actors.
behavior start_group(event_based_actor* self, int64_t each, std::atomic<int64_t>* missing,
                     std::promise<void>* done) {
  std::vector<actor> children;
  for (int64_t i = 0; i < each; ++i)
    children.push_back(self->spawn(idle, missing, done));
  return {[kept = std::move(children)](int64_t) {}};
}

double resident() {
  std::ifstream statm{"/proc/self/statm"};
  double total = 0;
  double pages = 0;
  statm >> total >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

int main(int, char** argv) {
  auto groups = std::atoll(argv[1]);
  auto each = std::atoll(argv[2]);
  core::init_global_meta_objects();
  actor_system_config cfg;
  actor_system sys{cfg};
  std::promise<void> done;
  std::atomic<int64_t> missing{groups * each};
  auto before = resident();
  auto begun = std::chrono::steady_clock::now();
  std::vector<actor> kept;
  for (int64_t i = 0; i < groups; ++i)
    kept.push_back(sys.spawn(start_group, each, &missing, &done));
  done.get_future().wait();
  std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
  auto n = groups * each;
  std::printf(
    "{\"value\":%.1f,\"n\":%lld,\"parts\":{\"start_time\":{\"value\":%.6f,\"n\":%lld}}}\n",
    (resident() - before) / n, n, took.count(), n);
  std::fflush(stdout);
  std::_Exit(0);
}
