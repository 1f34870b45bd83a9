#pragma once

#include "runtime/store/kv/kv_store.hpp"

namespace coppice::kv {

struct cache_options {
  size_t entries_max = 10'000;         ///< The least recently read go first.
  size_t bytes_max = 64 << 20;         ///< Keys and values.
  const clock* time = &system_clock(); ///< Outlives the store; the same as the cached store's.
};

struct cache_stats {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t invalidated = 0; ///< Entries dropped because they may be old.
  uint64_t evicted = 0;     ///< Entries dropped to make room.
  size_t entries = 0;
  size_t bytes = 0;

  bool operator==(const cache_stats&) const = default;
};

/// A store with get() answered from memory, also that a document is not there. Everything else goes
/// to the store behind it. What get() answers is never older than a write through this store that
/// was acknowledged, a condition of it that failed, or a change that this store's watches and
/// changes() have told.
class cached_store : public kv_store {
public:
  using kv_store::remove_expired;
  using kv_store::transact;

  /// Watches the store, so that what others write is forgotten. Errors: errc::refused when it has
  /// no watch but others can write to it (scope `cluster`); those of watch().
  static result<std::shared_ptr<cached_store>> make(std::shared_ptr<kv_store> behind,
                                                    cache_options options = {});

  virtual cache_stats stats() const = 0;
};

} // namespace coppice::kv
