#include "tests/bench/actors_rows.hpp"

namespace coppice::bench {

namespace {

constexpr auto raw_caf = "raw CAF 0.18.7";

// Both programs take the same sizes.
row beside_raw_caf(std::string name, std::string measurement, std::string baseline,
                   std::vector<std::string> sizes, std::vector<figure> figures) {
  row out{std::move(name), {{"bench_actors", std::move(measurement)}}, {}, std::move(figures)};
  bench::baseline other{raw_caf, {{std::move(baseline)}}};
  for (auto& size : sizes) {
    out.value.words.push_back(size);
    other.command.words.push_back(size);
  }
  out.baselines.push_back(std::move(other));
  return out;
}

} // namespace

std::vector<row> actors_rows(bool long_run) {
  auto sized = [&](uint64_t quick) { return std::to_string(long_run ? quick * 10 : quick); };
  auto messages = [](double at_least) {
    return std::vector<figure>{{"", "messages/s", better::bigger, at_least}};
  };
  return {
    beside_raw_caf("pingpong_1", "pingpong", "caf_pingpong", {"1", sized(1'000'000)},
                   messages(0.95)),
    beside_raw_caf("pingpong_64", "pingpong", "caf_pingpong", {"64", sized(2'000'000)},
                   messages(0.95)),
    beside_raw_caf("fan_in", "fan_in", "caf_fan_in", {"100", sized(2'000'000)}, messages(0.95)),
  };
}

} // namespace coppice::bench
