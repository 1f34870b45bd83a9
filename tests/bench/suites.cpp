#include "tests/bench/suites.hpp"

#include "tests/bench/actors_rows.hpp"

namespace coppice::bench {

std::vector<suite> suites() {
  return {{"actors", actors_rows}};
}

} // namespace coppice::bench
