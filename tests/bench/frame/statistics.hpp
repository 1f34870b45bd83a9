#pragma once

#include "tests/bench/frame/row.hpp"

#include <vector>

namespace coppice::bench {

/// The middle value, or the mean of the two in the middle. @pre !xs.empty()
double median(std::vector<double> xs);

/// (max - min) / median; 0 for fewer than two values or a median of 0.
double spread(const std::vector<double>& xs);

/// Bigger when better: value/baseline for rates, baseline/value for times and sizes; 0 when it cannot be said.
double ratio(double value, double baseline, better is);

/// Nearest rank; `p` in (0, 1]. Sorts `xs`. @pre !xs.empty()
double percentile(std::vector<double>& xs, double p);

} // namespace coppice::bench
