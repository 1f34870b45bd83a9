#pragma once

#include "runtime/base/duration.hpp"

#include <cstdint>

namespace coppice::store {

/// What a storm of dead letters may write: the first `per_second` of each second are stored, the
/// rest is counted. Single owner; not thread-safe; time is an input.
class storm_limit {
public:
  explicit storm_limit(uint32_t per_second) : per_second_(per_second) {}

  /// May the letter that arrives at `now` (monotonic) be stored?
  bool admit(duration now);

  uint64_t refused() const { return refused_; }

private:
  uint32_t per_second_;
  uint32_t admitted_ = 0;
  bool started_ = false;
  duration window_begin_{};
  uint64_t refused_ = 0;
};

} // namespace coppice::store
