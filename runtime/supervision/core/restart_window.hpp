#pragma once

#include "runtime/base/duration.hpp"

#include <vector>

namespace coppice::supervision {

/// The restarts that count towards a supervisor's intensity: a sliding window, both ends included.
/// Bounds: one entry for each restart within the period, so at most intensity + 1 before the supervisor gives up.
/// Source: OTP's supervisor, "Restart intensity and period".
class restart_window {
public:
  /// Counts a restart at `now`; returns how many lie within `period` of it, this one included.
  uint32_t add(duration now, duration period) {
    while (first_ < times_.size() && now - times_[first_] > period)
      ++first_;
    if (first_ > 32 && first_ * 2 > times_.size()) {
      times_.erase(times_.begin(), times_.begin() + static_cast<std::ptrdiff_t>(first_));
      first_ = 0;
    }
    times_.push_back(now);
    return static_cast<uint32_t>(times_.size() - first_);
  }

  uint32_t count(duration now, duration period) const {
    uint32_t out = 0;
    for (auto i = times_.size(); i > first_ && now - times_[i - 1] <= period; --i)
      ++out;
    return out;
  }

private:
  std::vector<duration> times_; ///< Ascending; those before first_ are past.
  size_t first_ = 0;
};

} // namespace coppice::supervision
