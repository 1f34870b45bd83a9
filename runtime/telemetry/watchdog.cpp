#include "runtime/telemetry/watchdog.hpp"

#include "runtime/telemetry/log.hpp"

#include <condition_variable>
#include <mutex>
#include <thread>

namespace coppice::telemetry {

std::vector<long_handler> handler_watch::look(int64_t now) {
  std::vector<long_handler> fresh;
  current_.clear();
  for (auto& [thread, x] : threads_)
    x.alive = false;
  detail::looking at;
  for (auto* p = at.first(); p != nullptr; p = p->next) {
    auto& x = threads_[p];
    auto slices = p->slices.load(std::memory_order_acquire);
    auto handled = p->handled.load(std::memory_order_acquire);
    auto* types = p->types.load(std::memory_order_relaxed);
    auto* who = p->who.load(std::memory_order_acquire);
    x.alive = true;
    if (x.since_ns == 0 || x.slices != slices || x.handled != handled || who == nullptr) {
      x = {slices, handled, now, false, true};
      continue;
    }
    auto age = duration{now - x.since_ns};
    // Did the thread go on while it was looked at? Then `who` may be the next actor.
    auto moved = p->slices.load(std::memory_order_acquire) != slices
                 || p->handled.load(std::memory_order_acquire) != handled;
    if (age < limit_ || moved)
      continue;
    // Valid: `at` keeps whoever runs on a thread from going away.
    current_.push_back({who->path(), type_names(types), age});
    if (!std::exchange(x.reported, true))
      fresh.push_back(current_.back());
  }
  std::erase_if(threads_, [](auto& y) { return !y.second.alive; });
  return fresh;
}

struct watchdog::impl {
  callback found;
  mutable std::mutex mutex;
  std::condition_variable stop_asked;
  bool stop = false;
  std::vector<long_handler> current;
  std::thread thread;

  void run() {
    handler_watch watch{limit};
    std::unique_lock guard{mutex};
    while (!stop) {
      guard.unlock();
      auto now = now_ns();
      detail::coarse_clock.store(now, std::memory_order_relaxed);
      auto fresh = watch.look(now);
      for (auto& x : fresh)
        tell(x);
      guard.lock();
      current = watch.current();
      stop_asked.wait_for(guard, interval, [this] { return stop; });
    }
  }

  void tell(const long_handler& x) const {
    if (found) {
      found(x);
      return;
    }
    log::warn("supervision",
              "a handler holds a scheduler thread for over " + coppice::to_string(limit),
              {{"path", x.path}, {"message_type", x.type}, {"held_ms", x.age.count() / 1'000'000}});
  }
};

watchdog::watchdog(callback found) : impl_(std::make_unique<impl>()) {
  impl_->found = std::move(found);
  impl_->thread = std::thread{[x = impl_.get()] { x->run(); }};
}

watchdog::~watchdog() {
  {
    std::lock_guard guard{impl_->mutex};
    impl_->stop = true;
  }
  impl_->stop_asked.notify_all();
  impl_->thread.join();
  // Nobody moves the clock on any more: ages come from the real one again.
  detail::coarse_clock.store(0, std::memory_order_relaxed);
}

std::vector<long_handler> watchdog::current() const {
  std::lock_guard guard{impl_->mutex};
  return impl_->current;
}

} // namespace coppice::telemetry
