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
  {
    std::lock_guard guard{mutex_};
    if (jobs_.size() >= jobs_max) {
      ++refused_;
      return false;
    }
    jobs_.push_back(std::move(job));
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
    changed_.wait(guard, [this] { return stopping_ || !jobs_.empty(); });
    if (jobs_.empty())
      return;
    auto job = std::move(jobs_.front());
    jobs_.pop_front();
    guard.unlock();
    job();
    guard.lock();
  }
}

} // namespace coppice
