#pragma once

#include "runtime/base/prng.hpp"
#include "runtime/supervision/core/child_spec.hpp"

namespace coppice::supervision {

/// The delayed restarts of one child in a row. Exists from its first delayed restart on.
struct backoff_series {
  uint32_t count = 0;
  duration began{0};      ///< When the first restart of the series was decided.
  duration running{0};    ///< When the child last came up.
  duration next_delay{0}; ///< As chosen last, jitter included.
};

struct backoff_step {
  duration delay{0};
  bool counts = false; ///< Towards the supervisor's intensity.
};

/// Decides the delay of the restart of a child that ended at `now`, and moves the series on; `was_running` says that
/// it ended after it came up (and not while it started).
/// @pre spec.min > 0, spec.min <= spec.max, jitter within 0..1.
backoff_step next_backoff(const backoff_spec& spec, backoff_series& series, bool was_running,
                          duration now, prng& random);

} // namespace coppice::supervision
