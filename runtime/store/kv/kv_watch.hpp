#pragma once

#include "runtime/store/kv/kv_store.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>

namespace coppice::kv {

/// Where a store's revision is, and who waits for it to move; for backends whose log can be read.
/// Threading: thread-safe.
struct watch_hub {
  std::mutex mutex;
  std::condition_variable moved;
  std::atomic<uint64_t> revision{0};
  size_t watchers = 0;

  void advance(uint64_t to);
};

/// Reads the log: kv_store::changes() without the store.
using read_changes = std::function<result<changes_page>(const changes_request&)>;

/// Reads from a cursor to the hub's revision, again and again, in a thread of the watch: what came
/// in between is read, so there is no seam between catching up and living on. Errors: as
/// kv_store::watch().
result<std::unique_ptr<watch_subscription>> start_watch(std::shared_ptr<watch_hub> hub,
                                                        read_changes read, watch_options options,
                                                        kv_store::watch_callback callback);

} // namespace coppice::kv
