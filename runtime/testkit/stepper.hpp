#pragma once

#include "runtime/base/clock.hpp"
#include "runtime/base/prng.hpp"

#include <caf/scheduler/test_coordinator.hpp>

#include <atomic>
#include <mutex>
#include <optional>
#include <vector>

namespace coppice::testkit {

/// CAF's scheduler for tests, fair: an actor that has more to do goes to the end of the line. Runs one actor for one message
/// when told to, in the thread that tells it.
/// Threading: enqueue() from any thread; everything else from the test's.
class stepper final : public caf::scheduler::test_coordinator {
public:
  using test_coordinator::test_coordinator;

  static caf::actor_system::module* make(caf::actor_system& system, caf::detail::type_list<>) {
    return new stepper(system);
  }
  static void add_module_options(caf::actor_system_config&) {}

  static stepper& of(caf::actor_system& system);

  bool run_one();

  /// Draws who comes next from a seed.
  void shuffle(uint64_t seed) { random_.emplace(seed); }

  /// Time that passed since the start.
  duration elapsed();

  /// When the next timer is due, since the start.
  std::optional<duration> next_timer();

  /// Moves the clock to a time since the start, not backwards; lets what is due by then fire. The number of timers.
  size_t move_to(duration when);

protected:
  void enqueue(caf::resumable* x) override;
  void stop() override;

private:
  class turn;

  void fetch();

  std::mutex mutex_;
  std::vector<caf::resumable*> arrived_; ///< Not yet in `jobs`.
  std::optional<prng> random_;
};

/// The time of a world.
/// Threading: thread-safe.
class world_clock final : public clock {
public:
  explicit world_clock(instant start) : start_(start) {}

  instant now() const override { return start_ + elapsed(); }
  duration monotonic() const override { return std::chrono::seconds{1} + elapsed(); }

  duration elapsed() const { return duration{elapsed_ns_.load()}; }
  void set(duration elapsed) { elapsed_ns_.store(elapsed.count()); }

private:
  instant start_;
  std::atomic<int64_t> elapsed_ns_{0};
};

} // namespace coppice::testkit
