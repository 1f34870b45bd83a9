#pragma once

#include "runtime/json/value.hpp"
#include "tests/bench/frame/runner.hpp"

#include <string>
#include <vector>

namespace coppice::bench {

/// One object a result: `{"name","unit","value","baseline":{"name","value","spread"},"ratio","spread","p50_ms","p99_ms",
/// "n","unsteady","target","met"}`; what is not known is null. Baselines after the first stand in `further`.
json::array to_json(const std::vector<outcome>& results);

/// The same for people.
std::string to_table(const std::vector<outcome>& results);

} // namespace coppice::bench
