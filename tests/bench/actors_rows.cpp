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
  auto skynet = beside_raw_caf("skynet", "skynet", "caf_skynet", {"1000000"},
                               {{"", "s", better::smaller, 0.5}});
  skynet.baselines.push_back(
    {"Erlang", {{"escript", in_baselines("skynet.erl"), "1000000"}}, long_run ? 5 : 2, 1.0});
  auto restart =
    beside_raw_caf("restart_in_place", "restart_in_place", "caf_restart", {sized(20'000), "100000"},
                   {{"", "restarts/s", better::bigger, {}, 100'000}});
  restart.baselines.front().name = "raw CAF, a new actor instead";
  return {
    beside_raw_caf("pingpong_1", "pingpong", "caf_pingpong", {"1", sized(1'000'000)},
                   messages(0.95)),
    beside_raw_caf("pingpong_64", "pingpong", "caf_pingpong", {"64", sized(2'000'000)},
                   messages(0.95)),
    beside_raw_caf("fan_in", "fan_in", "caf_fan_in", {"100", sized(2'000'000)}, messages(0.95)),
    beside_raw_caf("spawn_stop", "spawn_stop", "caf_spawn_stop", {"64", sized(200'000)},
                   {{"", "actors/s", better::bigger, 0.5}}),
    restart,
    beside_raw_caf(
      "memory_idle", "memory_idle", "caf_memory_idle", {long_run ? "1000" : "250", "1000"},
      {{"", "bytes/actor", better::smaller, 0.67}, {"start_time", "s", better::smaller, 0.33}}),
    skynet,
  };
}

} // namespace coppice::bench
