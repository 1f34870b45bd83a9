#pragma once

#include "runtime/store/event_store.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace coppice::store::detail {

/// Where the store's end is, and who waits for it to move.
struct tail_hub {
  std::mutex mutex;
  std::condition_variable moved;
  std::atomic<uint64_t> head{0};
  size_t followers = 0;

  void advance(uint64_t position);
};

inline constexpr size_t followers_max = 64;
inline constexpr size_t tail_batch_max = 256;

/// Errors: errc::rate_limited past followers_max.
result<std::unique_ptr<event_subscription>> follow(std::shared_ptr<sqlite_file> file,
                                                   std::shared_ptr<tail_hub> hub,
                                                   tail_options options,
                                                   event_store::tail_callback callback);

} // namespace coppice::store::detail
