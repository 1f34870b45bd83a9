#pragma once

#include "runtime/base/clock.hpp"

#include <cstdint>

namespace coppice {

/// While it lives, system_clock() and random_seed() of this process answer from a test's clock and seed instead of the
/// operating system's. One at a time.
/// Threading: made and destroyed by one thread; what runs meanwhile may ask from any.
class substitute {
public:
  substitute(const clock& time, uint64_t seed);
  ~substitute();
  substitute(const substitute&) = delete;
  substitute& operator=(const substitute&) = delete;
};

} // namespace coppice
