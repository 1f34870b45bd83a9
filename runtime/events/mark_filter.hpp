#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace coppice::events {

/// Says which marks there cannot be: a Bloom filter over hashes of ids, in generations, so that old
/// ones can be forgotten. Without false negatives for the newest `keep` marks, in the order of
/// add(); one look-up in some ten thousand is a false positive. Bounds: four bytes a mark, at most
/// `marks_max` marks; with a larger `keep` it knows nothing any more once it had to forget.
/// Threading: single owner. Source: Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient
/// Bloom Filters", 2007 (blocked filters).
class mark_filter {
public:
  static constexpr uint64_t marks_max = 4 << 20;

  explicit mark_filter(uint64_t keep) : keep_(keep) {}

  /// Never keeps fewer than before.
  void keep_at_least(uint64_t keep) { keep_ = std::max(keep_, keep); }

  void add(uint64_t hash);
  /// False: it was not added, or so many others after it.
  bool may_have(uint64_t hash) const;

  size_t bytes() const;

private:
  struct generation {
    std::vector<uint64_t> words;
    uint64_t capacity = 0;
    uint64_t count = 0;
  };

  void grow();

  uint64_t keep_;
  uint64_t count_ = 0; ///< Of all generations.
  bool knows_nothing_ = false;
  std::deque<generation> generations_; ///< The oldest first.
};

} // namespace coppice::events
