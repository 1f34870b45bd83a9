#pragma once

#include "runtime/base/duration.hpp"

#include <cstdint>

namespace coppice::edge {

/// Bounds of a polling interval.
inline constexpr duration interval_min = std::chrono::milliseconds{10};
inline constexpr duration interval_max = std::chrono::hours{24};

/// Errors: errc::out_of_range, with the bounds; `at` names the setting.
result<void> check_interval(duration interval, std::string at = "/interval");

/// When to poll: a fixed grid of points in time, so that ticks do not drift by the time that
/// polling takes, and a pause is followed by one tick, not by all that were missed. Single owner;
/// not thread-safe. Units: monotonic time. Bounds: intervals as check_interval has them.
class interval_schedule {
public:
  /// The first tick is due at `first`.
  interval_schedule(duration interval, duration first);

  /// When the next tick is due.
  duration next() const noexcept { return next_; }
  duration interval() const noexcept { return interval_; }

  /// Called on waking up: how many grid points passed since the last call, so 0 when woken too
  /// early, 1 in the ordinary case, more after a pause. A caller ticks once when it is not 0.
  /// Afterwards next() lies after `now`.
  uint64_t advance(duration now);

  /// A new grid, whose first point is one interval after `now`.
  void set_interval(duration interval, duration now);

private:
  duration interval_;
  duration next_;
};

} // namespace coppice::edge
