#include "runtime/node/background.hpp"

namespace coppice {

background::background() : thread_([this] { loop(); }) {}

background::~background() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

bool background::run(std::function<void()> job) {
  return put(jobs_, jobs_max, std::move(job));
}

bool background::run_first(std::function<void()> job) {
  return put(first_, first_jobs_max, std::move(job));
}

bool background::put(queue& to, size_t max, std::function<void()> job) {
  {
    std::lock_guard guard{mutex_};
    if (to.size() >= max) {
      ++refused_;
      return false;
    }
    to.push_back(std::move(job));
  }
  changed_.notify_one();
  return true;
}

uint64_t background::refused() const {
  std::lock_guard guard{mutex_};
  return refused_;
}

void background::loop() {
  std::unique_lock guard{mutex_};
  for (;;) {
    changed_.wait(guard, [this] { return stopping_ || !jobs_.empty() || !first_.empty(); });
    auto& from = first_.empty() ? jobs_ : first_;
    if (from.empty())
      return;
    auto job = std::move(from.front());
    from.pop_front();
    guard.unlock();
    job();
    guard.lock();
  }
}

} // namespace coppice
