#pragma once

#include "runtime/base/error.hpp"
#include "runtime/base/result.hpp"
#include "tests/bench/frame/row.hpp"

#include <string>
#include <vector>

namespace coppice::bench {

/// A row over this spread is run again, and marked when that does not help.
inline constexpr double spread_max = 0.15;

/// A baseline's share of a result.
struct compared {
  std::string name;
  std::optional<double> value; ///< Absent: it could not be measured.
  double ratio = 0;            ///< Bigger when better.
  double spread = 0;
  std::optional<double> ratio_min;
  std::string missing; ///< Why there is no value.
};

/// One figure of one row, over all rounds.
struct outcome {
  std::string name;
  std::string unit;
  better is = better::bigger;
  double value = 0; ///< Median.
  double spread = 0;
  bool unsteady = false;
  std::vector<compared> baselines; ///< The first is the one that counts.
  std::optional<double> value_min;
  std::optional<double> value_max;
  std::optional<double> p50_ms;
  std::optional<double> p99_ms;
  uint64_t n = 0;
  error failure; ///< Code none: it was measured.

  /// Is everything reached that was asked for? Absent: nothing was, or it cannot be said.
  std::optional<bool> met() const;
};

struct run_settings {
  int rounds = 5;
  duration budget = std::chrono::seconds{45}; ///< Rows are only run again within it.
  std::function<result<reading>(const command&)> measure;
  std::function<duration()> now;
  std::function<void(const std::string& row, int step, int steps)> progress; ///< May be empty.
};

/// Measures value and baselines in turns, so that what disturbs the machine disturbs both.
/// All rows come first, then those again that were unsteady, as far as the budget goes.
std::vector<outcome> run(const std::vector<row>& rows, const run_settings& settings);

} // namespace coppice::bench
