#pragma once

#include "tests/bench/frame/row.hpp"

namespace coppice::bench {

std::vector<row> events_rows(bool long_run);

} // namespace coppice::bench
