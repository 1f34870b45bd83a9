#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/fwd.hpp"
#include "runtime/base/prng.hpp"

#include <algorithm>

namespace coppice::postgres {

struct breaker_options {
  duration opens_after = std::chrono::seconds{10}; ///< Of failures without a success between them.
  duration delay_min = std::chrono::milliseconds{100};
  duration delay_max = std::chrono::seconds{5};
  double jitter = 0.2; ///< Part of a delay that chance takes off.
};

/// When a server that fails is tried again, and from when on nobody waits for it any more (a circuit breaker: closed, open,
/// and half open while it is tried). Pure; times are those of one monotonic clock.
class breaker_core {
public:
  breaker_core(breaker_options options, prng random) : options_(options), random_(random) {}

  void succeeded() { *this = breaker_core{options_, random_}; }

  void failed(duration now) {
    if (failures_++ == 0)
      since_ = now;
    delay_ = failures_ == 1 ? options_.delay_min : std::min(delay_ * 2, options_.delay_max);
    auto off = std::chrono::duration_cast<duration>(delay_ * (options_.jitter * random_.unit()));
    next_try_ = now + delay_ - off;
  }

  /// Does it fail now?
  bool failing() const { return failures_ > 0; }
  /// Has it failed for so long that callers are answered at once?
  bool open(duration now) const { return failing() && now - since_ >= options_.opens_after; }
  /// Not earlier is it tried again.
  duration next_try() const { return next_try_; }
  /// Since when it fails.
  duration since() const { return since_; }

private:
  breaker_options options_;
  prng random_;
  uint64_t failures_ = 0;
  duration since_{0};
  duration delay_{0};
  duration next_try_{0};
};

} // namespace coppice::postgres
