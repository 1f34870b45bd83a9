#pragma once

#include "runtime/base/duration.hpp"

namespace coppice {

/// Where time comes from. Cores take time as an input; shells own a clock.
/// Threading: implementations are thread-safe.
class clock {
public:
  virtual ~clock() = default;

  /// Wall-clock time, for people and records; may jump.
  virtual instant now() const = 0;

  /// Time since an arbitrary start, never backwards; for deadlines and windows.
  virtual duration monotonic() const = 0;
};

/// The operating system's clock; in a test, what it put in its place (substitute.hpp).
const clock& system_clock();

} // namespace coppice
