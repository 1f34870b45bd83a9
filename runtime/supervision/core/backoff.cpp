#include "runtime/supervision/core/backoff.hpp"

#include <algorithm>

namespace coppice::supervision {

backoff_step next_backoff(const backoff_spec& spec, backoff_series& series, bool was_running,
                          duration now, prng& random) {
  if (series.count > 0 && was_running
      && now - series.running >= spec.reset_after.value_or(spec.max))
    series = {};
  if (series.count == 0)
    series.began = now;
  if (series.count < UINT32_MAX)
    ++series.count;
  auto delay = spec.min;
  for (uint32_t i = 1; i < series.count && delay < spec.max; ++i)
    delay = delay > spec.max / 2 ? spec.max : delay * 2;
  auto factor = 1.0 - spec.jitter + 2.0 * spec.jitter * random.unit();
  auto spread = static_cast<double>(delay.count()) * factor;
  // A delay near the type's end times two would not fit.
  auto limit = static_cast<double>(duration::max().count() / 2);
  series.next_delay = duration{static_cast<int64_t>(std::clamp(spread, 1.0, limit))};
  auto by_count = spec.give_up_after_count && series.count > *spec.give_up_after_count;
  auto by_time = spec.give_up_after_time && now - series.began > *spec.give_up_after_time;
  return {series.next_delay, by_count || by_time};
}

} // namespace coppice::supervision
