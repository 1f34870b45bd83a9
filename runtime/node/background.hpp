#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>

namespace coppice {

/// One thread for work that must not hold up an actor: symbolizing stacks, blocking look-ups for the admin API.
/// Threading: thread-safe. Bounds: `jobs_max` waiting, and `first_jobs_max` of those that come first; further ones are
/// refused and counted.
class background {
public:
  static constexpr size_t jobs_max = 10'000;
  static constexpr size_t first_jobs_max = 1'000;

  background();
  ~background(); ///< Finishes what waits.

  /// False: full, the job was not taken.
  bool run(std::function<void()> job);

  /// The same for what must not be kept out by a burst of the others, and is rare: done before them.
  bool run_first(std::function<void()> job);

  uint64_t refused() const;

private:
  using queue = std::deque<std::function<void()>>;

  bool put(queue& to, size_t max, std::function<void()> job);
  void loop();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  queue jobs_;
  queue first_;
  uint64_t refused_ = 0;
  bool stopping_ = false;
  std::thread thread_;
};

} // namespace coppice
