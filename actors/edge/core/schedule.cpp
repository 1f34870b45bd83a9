#include "actors/edge/core/schedule.hpp"

#include "runtime/base/assert.hpp"

namespace coppice::edge {

result<void> check_interval(duration interval, std::string at) {
  if (interval < interval_min || interval > interval_max)
    return error{errc::out_of_range,
                 "an interval lies between " + to_string(interval_min) + " and "
                   + to_string(interval_max) + ", this is " + to_string(interval),
                 std::move(at),
                 {}};
  return {};
}

interval_schedule::interval_schedule(duration interval, duration first)
  : interval_(interval),
    next_(first) {
  COPPICE_ASSERT(interval >= interval_min && interval <= interval_max);
}

uint64_t interval_schedule::advance(duration now) {
  if (now < next_)
    return 0;
  auto passed = (now - next_) / interval_ + 1;
  next_ += passed * interval_;
  return static_cast<uint64_t>(passed);
}

void interval_schedule::set_interval(duration interval, duration now) {
  COPPICE_ASSERT(interval >= interval_min && interval <= interval_max);
  interval_ = interval;
  next_ = now + interval;
}

} // namespace coppice::edge
