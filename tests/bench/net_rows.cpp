#include "tests/bench/net_rows.hpp"

namespace coppice::bench {

namespace {

constexpr double node_ready_ms_max = 300;
constexpr double tree_query_ms_max = 50;

/// Messages between two nodes; both programs take the same sizes: count, window, bytes of a text
/// (0: a number).
row messages(std::string name, std::vector<std::string> sizes, double at_least) {
  row out{std::move(name),
          {{"bench_net", "links"}},
          {{"raw CAF 0.18.7 over plain BASP", {{"caf_basp"}}}},
          {{"", "messages/s", better::bigger, at_least}}};
  for (auto& size : sizes) {
    out.value.words.push_back(size);
    out.baselines.front().command.words.push_back(size);
  }
  return out;
}

row time_of(std::string name, command value, bench::baseline other, double ms_max) {
  figure shown{"", "ms", better::smaller};
  shown.value_max = ms_max;
  return {std::move(name), std::move(value), {std::move(other)}, {shown}};
}

} // namespace

std::vector<row> net_rows(bool long_run) {
  auto sized = [&](uint64_t quick) { return std::to_string(long_run ? quick * 10 : quick); };
  return {
    messages("basp_mtls", {sized(100'000), "2000", "0"}, 0.85),
    messages("basp_mtls_4k", {sized(20'000), "500", "4096"}, 0.6),
    time_of("node_ready", {{"bench_net", "node_ready"}},
            {"an empty CAF actor system", {{"caf_start", "5"}}}, node_ready_ms_max),
    time_of("tree_query", {{"bench_net", "tree_query", "20"}},
            {"coppice version", {{"bench_net", "version_query", "20"}}}, tree_query_ms_max),
  };
}

} // namespace coppice::bench
