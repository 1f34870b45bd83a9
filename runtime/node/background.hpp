#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace coppice {

/// One thread for work that must not hold up an actor: symbolizing stacks, blocking look-ups for the admin API.
/// Threading: thread-safe. Bounds: `jobs_max` waiting; further ones are refused and counted.
class background {
public:
  static constexpr size_t jobs_max = 10'000;

  background();
  ~background(); ///< Finishes what waits.

  /// False: full, the job was not taken.
  bool run(std::function<void()> job);

  uint64_t refused() const;

private:
  void loop();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> jobs_;
  uint64_t refused_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace coppice
