#pragma once

#include <caf/execution_unit.hpp>
#include <caf/resumable.hpp>

#include <utility>

namespace coppice::supervision {

/// Starts an actor within the turn of the one that spawns it, as OTP's supervisors do: given as the host of the spawn it
/// keeps the new actor from the queue, and `run` lets it come up right here. Messages wait for its next turn.
/// Threading: single owner, within one turn of its host.
class first_turn final : public caf::execution_unit {
public:
  explicit first_turn(caf::execution_unit& host) : execution_unit(&host.system()), host_(host) {}
  first_turn(const first_turn&) = delete;
  first_turn& operator=(const first_turn&) = delete;

  ~first_turn() override {
    if (job_)
      host_.exec_later(job_);
  }

  /// The spawned actor comes last; before it those to whom its constructor sends.
  void exec_later(caf::resumable* x) override {
    if (auto* other = std::exchange(job_, x))
      host_.exec_later(other);
  }

  /// @pre the spawn was the last thing done with this host, and not of an actor with a thread of its own.
  void run() {
    auto* job = std::exchange(job_, nullptr);
    if (job == nullptr)
      return;
    if (job->resume(&host_, 0) == caf::resumable::resume_later)
      host_.exec_later(job);
    else
      caf::intrusive_ptr_release(job);
  }

private:
  caf::execution_unit& host_;
  caf::resumable* job_ = nullptr;
};

} // namespace coppice::supervision
