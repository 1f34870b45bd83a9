#include "tests/bench/frame/statistics.hpp"

#include "runtime/base/assert.hpp"

#include <algorithm>
#include <cmath>

namespace coppice::bench {

double median(std::vector<double> xs) {
  COPPICE_ASSERT(!xs.empty());
  std::sort(xs.begin(), xs.end());
  auto half = xs.size() / 2;
  return xs.size() % 2 == 1 ? xs[half] : (xs[half - 1] + xs[half]) / 2;
}

double spread(const std::vector<double>& xs) {
  if (xs.size() < 2)
    return 0;
  auto [low, high] = std::minmax_element(xs.begin(), xs.end());
  auto middle = median(xs);
  return middle == 0 ? 0 : (*high - *low) / middle;
}

double ratio(double value, double baseline, better is) {
  auto above = is == better::bigger ? value : baseline;
  auto below = is == better::bigger ? baseline : value;
  return below == 0 ? 0 : above / below;
}

double percentile(std::vector<double>& xs, double p) {
  COPPICE_ASSERT(!xs.empty());
  std::sort(xs.begin(), xs.end());
  auto rank = static_cast<size_t>(std::ceil(p * static_cast<double>(xs.size())));
  return xs[std::min(std::max<size_t>(rank, 1), xs.size()) - 1];
}

} // namespace coppice::bench
