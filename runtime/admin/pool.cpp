#include "runtime/admin/pool.hpp"

#include "runtime/base/clock.hpp"

namespace coppice::admin {

pool::pool(size_t threads, size_t jobs_max) : jobs_max_(jobs_max) {
  for (size_t i = 0; i < threads; ++i)
    threads_.emplace_back([this] { loop(); });
}

pool::~pool() {
  stop();
}

bool pool::run(std::function<void()> job) {
  std::lock_guard guard{mutex_};
  if (stopping_ || jobs_.size() >= jobs_max_)
    return false;
  jobs_.push_back(std::move(job));
  changed_.notify_one();
  return true;
}

void pool::stop() {
  std::deque<std::function<void()>> dropped;
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
    dropped.swap(jobs_);
    changed_.notify_all();
  }
  for (auto& thread : threads_)
    if (thread.joinable())
      thread.join();
}

void pool::loop() {
  std::unique_lock guard{mutex_};
  while (true) {
    changed_.wait(guard, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_)
      return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    guard.unlock();
    job();
    job = nullptr;
    guard.lock();
  }
}

ticker::ticker() : thread_([this] { loop(); }) {}

ticker::~ticker() {
  stop();
}

void ticker::add(duration delay, entry x) {
  std::lock_guard guard{mutex_};
  if (stopping_)
    return;
  due_.emplace(system_clock().monotonic() + delay, std::move(x));
  changed_.notify_one();
}

void ticker::every(duration period, std::function<bool()> job) {
  add(duration{0}, {period, std::move(job)});
}

void ticker::after(duration delay, std::function<void()> job) {
  add(delay, {duration{0}, [job = std::move(job)] {
                job();
                return false;
              }});
}

void ticker::stop() {
  std::multimap<duration, entry> dropped;
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
    dropped.swap(due_);
    changed_.notify_all();
  }
  if (thread_.joinable())
    thread_.join();
}

void ticker::loop() {
  std::unique_lock guard{mutex_};
  while (!stopping_) {
    if (due_.empty()) {
      changed_.wait(guard);
      continue;
    }
    auto wait = due_.begin()->first - system_clock().monotonic();
    if (wait > duration{0}) {
      changed_.wait_for(guard, wait);
      continue;
    }
    auto next = std::move(due_.extract(due_.begin()).mapped());
    guard.unlock();
    auto again = next.job();
    if (!again)
      next.job = nullptr;
    guard.lock();
    if (again && !stopping_)
      due_.emplace(system_clock().monotonic() + next.period, std::move(next));
  }
}

} // namespace coppice::admin
