#pragma once

#include "actors/edge/core/host_core.hpp"
#include "runtime/base/clock.hpp"

#include <memory>
#include <string>

namespace coppice::edge {

/// Brings the bytes that host_core turns into a sample.
/// Threading: single owner. Blocking: files of /proc and /sys only, which take microseconds to
/// milliseconds; network file systems are not touched.
class host_reader {
public:
  virtual ~host_reader() = default;

  /// Never throws on what it finds; what could not be read stands in `failures`.
  virtual host_reading read() = 0;
};

/// Reads the machine's files below `root` (`/` for the machine itself; a recorded folder in tests).
/// Mount points are looked up as they are, so with another root they are looked up below it.
/// Bounds: a file up to 4 MiB (a longer one is a failure), 256 sensor files.
std::unique_ptr<host_reader> make_host_reader(std::string root, const clock& time);

} // namespace coppice::edge
