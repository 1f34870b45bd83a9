#pragma once

#include "runtime/base/duration.hpp"

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

namespace coppice::admin {

/// Threads for calls that block: stores, NATS, symbols of stacks.
/// Threading: thread-safe. Bounds: `jobs_max` waiting, further ones are refused.
class pool {
public:
  pool(size_t threads, size_t jobs_max);
  ~pool();

  /// False: full or stopped; the job was not taken.
  bool run(std::function<void()> job);

  /// Drops what waits and joins what runs. Idempotent; not from a job.
  void stop();

private:
  void loop();

  const size_t jobs_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

/// Short jobs at times: polling other nodes for streams, ends of drills. Jobs must not block.
/// Threading: thread-safe. Bounds: those of its callers, who hold a stream or a drill each.
class ticker {
public:
  ticker();
  ~ticker();

  /// Runs `job` now and then every `period` until it returns false.
  void every(duration period, std::function<bool()> job);
  void after(duration delay, std::function<void()> job);

  /// Forgets all jobs. Idempotent; not from a job.
  void stop();

private:
  struct entry {
    duration period{0};
    std::function<bool()> job;
  };

  void add(duration delay, entry x);
  void loop();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<duration, entry> due_;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace coppice::admin
