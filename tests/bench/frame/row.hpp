#pragma once

#include "runtime/base/duration.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace coppice::bench {

/// A program that measures once and prints one line of JSON: `{"value":4800000,"n":1000000}`, with `p50_ms`, `p99_ms`
/// and `parts` (see reading) where they make sense. Value and baseline never share a process.
struct command {
  /// The program first. A bare name is looked for beside coppice_bench, then in PATH; a file of tests/bench/baseline is
  /// named by in_baselines().
  std::vector<std::string> words;
  duration limit = std::chrono::seconds{60}; ///< Ended, and the row failed, after so long.
};

/// The full name of a file in tests/bench/baseline, for commands whose program is an interpreter.
std::string in_baselines(const std::string& file);

/// What one run of a command said.
struct reading {
  double value = 0;
  uint64_t n = 0; ///< Operations behind the value.
  std::optional<double> p50_ms;
  std::optional<double> p99_ms;
  std::map<std::string, reading> parts; ///< Further figures of the same run, by name.
};

enum class better : uint8_t { bigger, smaller };

/// One figure of a row.
struct figure {
  std::string part; ///< Empty: the row's own; else the result is called `ROW.PART`.
  std::string unit; ///< `messages/s`, `bytes`, `s`.
  better is = better::bigger;
  std::optional<double> ratio_min; ///< What has to be reached, against the first baseline;
  std::optional<double> value_min; ///< or by the value itself,
  std::optional<double> value_max; ///< in the figure's unit.
};

struct baseline {
  std::string name; ///< `raw CAF 0.18.7`.
  bench::command command;
  int rounds = 5; ///< Of those of the row; fewer for a slow one that is there for comparison only.
  std::optional<double> ratio_min = std::nullopt; ///< Only for baselines after the first.
};

struct row {
  std::string name;
  command value;
  std::vector<baseline> baselines; ///< `ratio` is against the first; may be empty.
  std::vector<figure> figures;     ///< The first has no part.
};

/// `long_run`: sizes for people who have time (--long).
using rows_function = std::function<std::vector<row>(bool long_run)>;

} // namespace coppice::bench
