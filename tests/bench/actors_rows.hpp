#pragma once

#include "tests/bench/frame/row.hpp"

namespace coppice::bench {

/// Supervised actors beside raw CAF.
std::vector<row> actors_rows(bool long_run);

} // namespace coppice::bench
