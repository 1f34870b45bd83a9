#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace coppice::supervision {

/// Names one child of one supervisor. A slot is used again with another generation, so a late report about a child
/// that is gone is recognised and ignored.
struct child_ref {
  uint32_t slot = 0;
  uint32_t generation = 0;

  bool operator==(const child_ref&) const = default;
};

/// First in, first out; costs nothing while empty. Single owner; not thread-safe.
class start_queue {
public:
  void push(child_ref child) { items_.push_back(child); }

  /// @pre !empty()
  child_ref pop() {
    auto out = items_[first_++];
    if (first_ == items_.size()) {
      items_.clear();
      first_ = 0;
    } else if (first_ > 64 && first_ * 2 > items_.size()) {
      items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
    return out;
  }

  bool empty() const { return first_ == items_.size(); }
  size_t size() const { return items_.size() - first_; }

  void clear() {
    items_.clear();
    first_ = 0;
  }

  /// Drops the entries for which `is_stale` holds.
  template <class Predicate>
  void purge(Predicate is_stale) {
    items_.erase(items_.begin(), items_.begin() + static_cast<std::ptrdiff_t>(first_));
    first_ = 0;
    std::erase_if(items_, is_stale);
  }

private:
  std::vector<child_ref> items_; ///< Those before first_ are done.
  size_t first_ = 0;
};

} // namespace coppice::supervision
