#pragma once

#include "runtime/cli/session.hpp"

#include <string>

namespace coppice::cli {

/// A bar on the error stream, only on a terminal, only for work over half a second. Cleared when it goes away.
class progress {
public:
  progress(session& in, std::string what, uint64_t total); ///< total 0: not known.
  ~progress();
  progress(const progress&) = delete;
  progress& operator=(const progress&) = delete;

  void at(uint64_t done);

private:
  session& in_;
  std::string what_;
  uint64_t total_;
  duration begin_;
  duration shown_{};
  bool visible_ = false;
};

} // namespace coppice::cli
