#include "tests/bench/suites.hpp"

#include "tests/bench/actors_rows.hpp"
#include "tests/bench/events_rows.hpp"
#include "tests/bench/net_rows.hpp"

namespace coppice::bench {

std::vector<suite> suites() {
  return {{"actors", actors_rows}, {"net", net_rows}, {"events", events_rows}};
}

} // namespace coppice::bench
