#pragma once

#include "runtime/base/duration.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace coppice::supervision {

/// Timers by token, soonest first. The lower half of a token is a place, which has one timer at a time: arming it again
/// cancels the one before. Cancelling is cheap, since most are cancelled: their entries go when their time comes or when
/// they outnumber the others. Single owner; not thread-safe.
/// Bounds: at most 2 * (armed timers) + 64 entries, and 8 bytes for each place up to the highest that was armed; the
/// place UINT32_MAX costs no more than others.
class timer_queue {
public:
  /// @pre token != 0
  void arm(uint64_t token, duration when) {
    if (heap_.size() > 2 * armed_ + 64)
      sweep();
    auto& current = current_at(token);
    armed_ += current == 0;
    current = token;
    heap_.push_back({when, token});
    std::push_heap(heap_.begin(), heap_.end());
  }

  void cancel(uint64_t token) {
    if (!is_armed(token))
      return;
    current_at(token) = 0;
    --armed_;
  }

  /// When the soonest timer is due.
  std::optional<duration> next() {
    while (!heap_.empty() && !is_armed(heap_.front().token))
      pop();
    return heap_.empty() ? std::nullopt : std::optional{heap_.front().when};
  }

  /// Takes one timer out that is due at `now`.
  std::optional<uint64_t> take_due(duration now) {
    auto when = next();
    if (!when || *when > now)
      return std::nullopt;
    auto token = heap_.front().token;
    cancel(token);
    pop();
    return token;
  }

  size_t size() const { return armed_; }

private:
  struct entry {
    duration when;
    uint64_t token;

    // The heap has the greatest on top.
    bool operator<(const entry& other) const { return when > other.when; }
  };

  // UINT32_MAX comes first.
  static size_t index_of(uint64_t token) { return static_cast<uint32_t>(token) + uint32_t{1}; }

  uint64_t& current_at(uint64_t token) {
    auto index = index_of(token);
    if (index >= current_.size())
      current_.resize(index + 1);
    return current_[index];
  }

  bool is_armed(uint64_t token) const {
    auto index = index_of(token);
    return index < current_.size() && current_[index] == token;
  }

  void pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }

  void sweep() {
    std::erase_if(heap_, [this](const entry& x) { return !is_armed(x.token); });
    std::make_heap(heap_.begin(), heap_.end());
  }

  std::vector<entry> heap_;
  std::vector<uint64_t> current_; ///< The armed token of each place, or 0.
  size_t armed_ = 0;
};

} // namespace coppice::supervision
