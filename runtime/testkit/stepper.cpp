#include "runtime/testkit/stepper.hpp"

#include <caf/actor_system.hpp>
#include <caf/execution_unit.hpp>

namespace coppice::testkit {

namespace {

// CAF's clock for tests begins here, not at the epoch.
const caf::actor_clock::time_point origin{caf::actor_clock::duration_type{1}};

// Steps that actors outside of the tree get at the end, so that what they hold can go.
constexpr size_t last_steps_max = 10'000;

} // namespace

/// What an actor sees of its scheduler while it runs.
class stepper::turn final : public caf::execution_unit {
public:
  explicit turn(stepper& parent) : execution_unit(&parent.system()), parent_(parent) {}

  void exec_later(caf::resumable* x) override { parent_.enqueue(x); }

private:
  stepper& parent_;
};

stepper& stepper::of(caf::actor_system& system) {
  return static_cast<stepper&>(system.scheduler());
}

void stepper::enqueue(caf::resumable* x) {
  std::lock_guard guard{mutex_};
  arrived_.push_back(x);
}

void stepper::fetch() {
  std::lock_guard guard{mutex_};
  jobs.insert(jobs.end(), arrived_.begin(), arrived_.end());
  arrived_.clear();
}

bool stepper::run_one() {
  fetch();
  if (jobs.empty())
    return false;
  if (random_)
    std::swap(jobs.front(), jobs[random_->below(jobs.size())]);
  auto* job = jobs.front();
  jobs.pop_front();
  turn context{*this};
  switch (job->resume(&context, 1)) {
    case caf::resumable::resume_later:
      // Behind those whom this turn woke.
      fetch();
      jobs.push_back(job);
      break;
    case caf::resumable::done:
    case caf::resumable::awaiting_message:
      caf::intrusive_ptr_release(job);
      break;
    case caf::resumable::shutdown_execution_unit:
      break;
  }
  return true;
}

duration stepper::elapsed() {
  return clock().current_time - origin;
}

std::optional<duration> stepper::next_timer() {
  for (auto& [when, what] : clock().schedule)
    if (!what.f.disposed())
      return std::max(when, clock().current_time) - origin;
  return std::nullopt;
}

size_t stepper::move_to(duration when) {
  auto by = std::max(duration{0}, when - elapsed());
  return clock().advance_time(by);
}

void stepper::stop() {
  // Timers are not let fire any more: an actor that sets its next one in each would never end.
  clock().schedule.clear();
  for (size_t i = 0; i < last_steps_max && run_one(); ++i) {
  }
  fetch();
  for (auto* job : jobs)
    caf::intrusive_ptr_release(job);
  jobs.clear();
}

} // namespace coppice::testkit
