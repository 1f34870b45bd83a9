#pragma once

#include "runtime/scheduling/run_queue.hpp"

#include <caf/fwd.hpp>
#include <caf/policy/unprofiled.hpp>
#include <caf/resumable.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace coppice::scheduling {

/// A policy for CAF's scheduler, in place of its own work stealing: each worker runs its newest job first and others take
/// the oldest. What differs: queues whose operations cost the same at any length (the ones of CAF 0.18 walk the whole queue
/// to steal from it), and a worker that sleeps is woken when there is more to do than those awake are doing, where CAF's
/// looks again after a while.
/// Promises: a job that waits behind a running one is taken by another worker at once when one is free; the only job
/// behind a running one, within `doze`. No job waits for ever behind newer ones: each 256th turn goes to the oldest.
/// Source: the parking of the Go scheduler ("Scalable Go Scheduler Design", D. Vyukov, 2012).
class work_stealing : public caf::policy::unprofiled {
public:
  using job = caf::resumable;

  /// How long a worker sleeps before it looks around by itself.
  static constexpr auto doze = std::chrono::milliseconds{10};

  struct coordinator_data {
    explicit coordinator_data(caf::scheduler::abstract_coordinator*) {}

    std::atomic<uint32_t> next{0};
    alignas(64) std::atomic<int32_t> asleep{0};
    alignas(64) std::atomic<int32_t> searching{0}; ///< Awake and without a job.
  };

  struct worker_data {
    explicit worker_data(caf::scheduler::abstract_coordinator*) {}
    /// CAF makes one from another; nothing is taken over.
    worker_data(const worker_data&) {}
    worker_data& operator=(const worker_data&) = delete;

    run_queue<job> queue;
    std::mutex mutex;
    std::condition_variable called;
    std::atomic<bool> asleep{false};
    uint32_t dice = 1;
    uint32_t turns = 0;
  };

  // -- what CAF's coordinator and workers call ------------------------------------------------------------------------

  /// From outside of all workers.
  template <class Coordinator>
  void central_enqueue(Coordinator* all, job* x) {
    auto n = all->num_workers();
    auto first = all->data().next.fetch_add(1, std::memory_order_relaxed);
    // One that sleeps has nothing else to do.
    if (all->data().asleep.load(std::memory_order_relaxed) > 0)
      for (size_t i = 0; i < n; ++i)
        if (auto* w = all->worker_by_id((first + i) % n);
            w->data().asleep.load(std::memory_order_relaxed))
          return external_enqueue(w, x);
    external_enqueue(all->worker_by_id(first % n), x);
  }

  template <class Worker>
  void external_enqueue(Worker* self, job* x) {
    self->data().queue.push_tail(x);
    if (!wake(self))
      call_for_help(self->parent());
  }

  /// By the job that the worker runs.
  template <class Worker>
  void internal_enqueue(Worker* self, job* x) {
    // A single one is next here anyway.
    if (self->data().queue.push_head(x) > 1)
      call_for_help(self->parent());
  }

  template <class Worker>
  void resume_job_later(Worker* self, job* x) {
    if (self->data().queue.push_tail(x) > 1)
      call_for_help(self->parent());
  }

  template <class Worker>
  job* dequeue(Worker* self) {
    auto& mine = self->data();
    // Actors that keep each other busy would otherwise come first for ever.
    if (++mine.turns % oldest_every == 0)
      if (auto* x = mine.queue.take_tail())
        return x;
    while (true) {
      if (auto* x = mine.queue.take_head())
        return x;
      if (auto* x = search(self))
        return x;
      if (auto* x = sleep(self))
        return x;
    }
  }

  template <class Worker, class F>
  void foreach_resumable(Worker* self, F f) {
    while (auto* x = self->data().queue.take_head())
      f(x);
  }

  template <class Coordinator, class F>
  void foreach_central_resumable(Coordinator*, F) {}

private:
  static constexpr int searches = 64;
  static constexpr uint32_t oldest_every = 256;

  template <class Worker>
  job* search(Worker* self) {
    auto& all = *self->parent();
    auto& searching = all.data().searching;
    searching.fetch_add(1, std::memory_order_relaxed);
    job* found = nullptr;
    for (int i = 0; i < searches && !found; ++i) {
      found = steal(self, false);
      if (!found)
        found = self->data().queue.take_head();
      if (!found)
        pause();
    }
    searching.fetch_sub(1, std::memory_order_relaxed);
    return found;
  }

  /// The oldest job of somebody else, beginning with any. `thoroughly`: sees all that was pushed before.
  template <class Worker>
  job* steal(Worker* self, bool thoroughly) {
    auto& all = *self->parent();
    auto n = all.num_workers();
    auto& dice = self->data().dice;
    dice = dice * 1664525 + 1013904223 + static_cast<uint32_t>(self->id());
    for (size_t i = 0, at = (dice >> 8) % n; i < n; ++i, at = at + 1 < n ? at + 1 : 0) {
      auto* victim = all.worker_by_id(at);
      if (victim == self && !thoroughly)
        continue;
      auto& queue = victim->data().queue;
      if (auto* x = thoroughly ? queue.take_tail_for_sure() : queue.take_tail()) {
        if (queue.size() > 1)
          call_for_help(&all);
        return x;
      }
    }
    return nullptr;
  }

  /// Null after having slept.
  template <class Worker>
  job* sleep(Worker* self) {
    auto& mine = self->data();
    auto& asleep = self->parent()->data().asleep;
    mine.asleep.store(true, std::memory_order_relaxed);
    asleep.fetch_add(1, std::memory_order_relaxed);
    // Whoever pushes after this look sees that somebody sleeps: both happen under the queue's lock.
    auto* found = steal(self, true);
    if (!found) {
      std::unique_lock guard{mine.mutex};
      mine.called.wait_for(guard, doze,
                           [&] { return !mine.asleep.load(std::memory_order_relaxed); });
    }
    if (mine.asleep.exchange(false, std::memory_order_relaxed))
      asleep.fetch_sub(1, std::memory_order_relaxed);
    return found;
  }

  /// More waits than those awake will get at soon.
  template <class Coordinator>
  void call_for_help(Coordinator* all) {
    auto& data = all->data();
    if (data.asleep.load(std::memory_order_relaxed) <= 0
        || data.searching.load(std::memory_order_relaxed) > 0)
      return;
    for (size_t i = 0; i < all->num_workers(); ++i)
      if (wake(all->worker_by_id(i)))
        return;
  }

  template <class Worker>
  bool wake(Worker* x) {
    auto& its = x->data();
    if (!its.asleep.load(std::memory_order_relaxed)
        || !its.asleep.exchange(false, std::memory_order_relaxed))
      return false;
    x->parent()->data().asleep.fetch_sub(1, std::memory_order_relaxed);
    // It holds the lock until it waits.
    std::lock_guard guard{its.mutex};
    its.called.notify_one();
    return true;
  }

  static void pause() {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
};

} // namespace coppice::scheduling
