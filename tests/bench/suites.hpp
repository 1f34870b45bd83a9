#pragma once

#include "tests/bench/frame/row.hpp"

#include <vector>

namespace coppice::bench {

struct suite {
  const char* name;
  std::vector<row> (*rows)(bool long_run);
};

/// All suites, in the order in which they are run.
std::vector<suite> suites();

} // namespace coppice::bench
