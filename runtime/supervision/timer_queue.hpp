#pragma once

#include "runtime/base/duration.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <unordered_set>
#include <vector>

namespace coppice::supervision {

/// Timers by token, soonest first. Cancelling is cheap, since most are cancelled: their entries go when their time comes
/// or when they outnumber the others. Single owner; not thread-safe.
/// Bounds: at most 2 * (armed timers) + 64 entries.
class timer_queue {
public:
  void arm(uint64_t token, duration when) {
    if (heap_.size() > 2 * armed_.size() + 64)
      sweep();
    armed_.insert(token);
    heap_.push_back({when, token});
    std::push_heap(heap_.begin(), heap_.end());
  }

  void cancel(uint64_t token) { armed_.erase(token); }

  /// When the soonest timer is due.
  std::optional<duration> next() {
    while (!heap_.empty() && !armed_.contains(heap_.front().token))
      pop();
    return heap_.empty() ? std::nullopt : std::optional{heap_.front().when};
  }

  /// Takes one timer out that is due at `now`.
  std::optional<uint64_t> take_due(duration now) {
    auto when = next();
    if (!when || *when > now)
      return std::nullopt;
    auto token = heap_.front().token;
    armed_.erase(token);
    pop();
    return token;
  }

  size_t size() const { return armed_.size(); }

private:
  struct entry {
    duration when;
    uint64_t token;

    // The heap has the greatest on top.
    bool operator<(const entry& other) const { return when > other.when; }
  };

  void pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    heap_.pop_back();
  }

  void sweep() {
    std::erase_if(heap_, [this](const entry& x) { return !armed_.contains(x.token); });
    std::make_heap(heap_.begin(), heap_.end());
  }

  std::vector<entry> heap_;
  std::unordered_set<uint64_t> armed_;
};

} // namespace coppice::supervision
