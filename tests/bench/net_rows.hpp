#pragma once

#include "tests/bench/frame/row.hpp"

namespace coppice::bench {

std::vector<row> net_rows(bool long_run);

} // namespace coppice::bench
