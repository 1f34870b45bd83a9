#include "runtime/supervision/supervision_messages.hpp"
#include "tests/bench/actors_ground.hpp"
#include "tests/bench/actors_measurements.hpp"
#include "tests/bench/frame/statistics.hpp"

#include <caf/actor_cast.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <caf/stateful_actor.hpp>

#include <atomic>
#include <chrono>
#include <future>
#include <stdexcept>
#include <thread>

// How actors come and go: the counterparts of baseline/caf_spawn_stop.cpp, caf_restart.cpp and caf_memory_idle.cpp.
namespace coppice::bench {

using namespace supervision;

namespace {

caf::behavior idle(caf::event_based_actor*) {
  return {[](int64_t) {}};
}

/// Has children started and stopped by their supervisor, always the same number of them at a time.
class spawner {
public:
  spawner(caf::event_based_actor* self, caf::actor supervisor, int64_t actors,
          std::promise<reading>* done)
    : self_(self),
      supervisor_(std::move(supervisor)),
      left_(actors),
      total_(actors),
      done_(done) {
    latencies_.reserve(static_cast<size_t>(actors) / sample + 1);
  }

  void begin(int64_t window) {
    to_start_ = total_;
    for (int64_t i = 0; i < window; ++i)
      start_one();
  }

private:
  static constexpr int64_t sample = 16; ///< One latency in so many is taken.

  void start_one() {
    if (to_start_ == 0)
      return;
    auto number = --to_start_;
    auto begun = number % sample == 0 ? std::chrono::steady_clock::now()
                                      : std::chrono::steady_clock::time_point{};
    auto id = "c" + std::to_string(number);
    command(supervisor_command::kind::add_child, id, [this, id, begun] {
      command(supervisor_command::kind::stop, id, [this, begun] { stopped(begun); });
    });
  }

  void stopped(std::chrono::steady_clock::time_point begun) {
    if (begun != std::chrono::steady_clock::time_point{})
      latencies_.push_back(
        std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begun)
          .count());
    if (--left_ > 0)
      start_one();
    else
      done_->set_value({rate(static_cast<uint64_t>(total_), since_).value,
                        static_cast<uint64_t>(total_),
                        percentile(latencies_, 0.5),
                        percentile(latencies_, 0.99),
                        {}});
  }

  template <class Then>
  void command(supervisor_command::kind what, const std::string& id, Then then) {
    supervisor_command x;
    x.what = what;
    x.id = id;
    self_->request(supervisor_, caf::infinite, std::move(x))
      .then([then](const caf::strong_actor_ptr&) { then(); },
            [this, id](const caf::error& why) {
              done_->set_exception(
                std::make_exception_ptr(measurement_failed{id + ": " + to_string(from_caf(why))}));
            });
  }

  caf::event_based_actor* self_;
  caf::actor supervisor_;
  int64_t left_;
  int64_t total_;
  int64_t to_start_ = 0;
  std::promise<reading>* done_;
  std::vector<double> latencies_;
  stopwatch since_;
};

/// What outlives the incarnations of a fragile actor.
struct outside {
  std::promise<void> filled;
  std::promise<void> done;
  std::vector<double> gaps_ms; ///< From one crash to the next.
  std::chrono::steady_clock::time_point last;
  std::atomic<uint64_t> received{0};
  uint64_t expected = 0;
  double seconds = 0;
};

struct broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};

caf::behavior fragile(caf::event_based_actor*, outside* out) {
  return {
    // Holds the thread until the mailbox is filled.
    [=](caf::get_atom) {
      out->filled.get_future().wait();
      out->last = std::chrono::steady_clock::now();
    },
    [=](caf::ok_atom) {
      auto now = std::chrono::steady_clock::now();
      std::chrono::duration<double, std::milli> gap = now - out->last;
      out->gaps_ms.push_back(gap.count());
      out->last = now;
      throw broken{"broken"};
    },
    [=](int64_t) {
      if (++out->received == out->expected)
        out->done.set_value();
    },
  };
}

caf::behavior started_idle(caf::event_based_actor*) {
  return {[](int64_t) {}};
}

} // namespace

reading spawn_stop(const arguments& sizes) {
  auto window = static_cast<int64_t>(number(sizes, 0));
  auto actors = static_cast<int64_t>(number(sizes, 1));
  supervisor_spec spec;
  spec.flags.strategy = strategy::simple_one_for_one;
  child_spec child;
  child.id = "child";
  child.restart = restart_type::temporary;
  spec.children = {{std::make_shared<child_spec>(child), make_recipe(idle), nullptr}};
  auto& here = ground::start(std::move(spec));
  std::promise<reading> done;
  auto supervisor = caf::actor_cast<caf::actor>(here.supervisor);
  here.system.spawn([&](caf::event_based_actor* self) {
    auto work = std::make_shared<spawner>(self, supervisor, actors, &done);
    self->attach_functor([work] {});
    work->begin(window);
  });
  return done.get_future().get();
}

reading restart_in_place(const arguments& sizes) {
  auto restarts = number(sizes, 0);
  auto waiting = number(sizes, 1);
  auto& out = *new outside;
  out.expected = waiting;
  out.gaps_ms.reserve(restarts);
  supervisor_spec spec;
  spec.flags.intensity = static_cast<uint32_t>(restarts + 1);
  spec.children = {with_limit(worker("fragile", make_recipe(fragile, &out)),
                              static_cast<uint32_t>(restarts + waiting + 1))};
  auto& here = ground::start(std::move(spec));
  auto fragile_one = here.find("/fragile");
  caf::anon_send(fragile_one, caf::get_atom_v);
  for (uint64_t i = 0; i < restarts; ++i)
    caf::anon_send(fragile_one, caf::ok_atom_v);
  for (uint64_t i = 0; i < waiting; ++i)
    caf::anon_send(fragile_one, static_cast<int64_t>(i));
  stopwatch since;
  out.filled.set_value();
  // The first of those that waited comes after the last restart.
  while (out.received.load() == 0)
    std::this_thread::yield();
  auto reached = rate(restarts, since);
  if (out.done.get_future().wait_for(std::chrono::seconds{30}) != std::future_status::ready)
    throw measurement_failed{"of " + std::to_string(waiting) + " messages that waited only "
                             + std::to_string(out.received.load()) + " arrived"};
  if (out.gaps_ms.size() != restarts)
    throw measurement_failed{"not every message that breaks the actor reached it"};
  auto& record = *here.root;
  auto entry = record.snapshot(1).children.at(0);
  if (entry.restarts != restarts)
    throw measurement_failed{"the supervisor counted " + std::to_string(entry.restarts)
                             + " restarts of " + std::to_string(restarts)};
  reached.p50_ms = percentile(out.gaps_ms, 0.5);
  reached.p99_ms = percentile(out.gaps_ms, 0.99);
  return reached;
}

reading memory_idle(const arguments& sizes) {
  auto supervisors = number(sizes, 0);
  auto each = number(sizes, 1);
  // The children of all supervisors are declared alike, as a configuration with defaults would.
  auto group = std::make_shared<supervisor_spec>();
  auto recipe = make_recipe(started_idle);
  for (uint64_t i = 0; i < each; ++i)
    group->children.push_back(worker("w" + std::to_string(i), recipe));
  supervisor_spec top;
  for (uint64_t i = 0; i < supervisors; ++i) {
    child_spec spec;
    spec.id = "s" + std::to_string(i);
    spec.kind = child_kind::supervisor;
    top.children.push_back({std::make_shared<child_spec>(std::move(spec)), nullptr, group});
  }
  auto before = resident_bytes();
  stopwatch since;
  auto& here = ground::start(std::move(top));
  auto took = since.seconds();
  auto n = supervisors * each;
  auto grown = static_cast<double>(resident_bytes() - before) / static_cast<double>(n);
  static_cast<void>(here);
  reading out{grown, n, {}, {}, {}};
  out.parts.emplace("start_time", reading{took, n, {}, {}, {}});
  return out;
}

} // namespace coppice::bench
