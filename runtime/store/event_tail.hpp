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

/// How a follower reads: what a store can answer about its positions and streams.
struct tail_source {
  /// Events behind `after`, up to `until`, in order.
  std::function<result<std::vector<recorded_event>>(uint64_t after, uint64_t until)> of_all;
  /// Of one stream behind a version, up to the position `until`.
  std::function<result<std::vector<recorded_event>>(uint64_t version, uint64_t until)> of_stream;
  /// The stream's version at a position.
  std::function<result<uint64_t>(uint64_t position)> version_at;
};

/// Errors: errc::rate_limited past followers_max; those of check().
result<std::unique_ptr<event_subscription>> follow(tail_source source,
                                                   std::shared_ptr<tail_hub> hub,
                                                   tail_options options,
                                                   event_store::tail_callback callback);

} // namespace coppice::store::detail
