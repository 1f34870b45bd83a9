#include "actors/edge/core/proc_parse.hpp"
#include "actors/edge/core/proc_text.hpp"

namespace coppice::edge {

using namespace detail;

namespace {

/// user nice system idle [iowait irq softirq [steal [guest ...]]]: old kernels have fewer columns.
std::optional<cpu_times> parse_times(const std::vector<std::string_view>& fields) {
  if (fields.size() < 5)
    return std::nullopt;
  std::array<uint64_t, 8> ticks{};
  for (size_t i = 0; i < ticks.size() && i + 1 < fields.size(); ++i) {
    // Sums of these must not overflow.
    auto value = to_count(fields[i + 1]);
    if (!value || *value > (uint64_t{1} << 60))
      return std::nullopt;
    ticks[i] = *value;
  }
  cpu_times out;
  out.user = ticks[0] + ticks[1];
  out.system = ticks[2] + ticks[5] + ticks[6];
  out.idle = ticks[3];
  out.iowait = ticks[4];
  out.steal = ticks[7];
  return out;
}

} // namespace

proc_stat parse_stat(std::string_view text, problem_list& problems) {
  constexpr size_t cores_max = 4096;
  proc_stat out;
  auto whole = each_line(text, [&](std::string_view line, size_t number) {
    if (!line.starts_with("cpu"))
      return;
    auto fields = words(line, 16);
    auto times = parse_times(fields);
    auto id = to_count(fields[0].substr(3));
    auto is_total = fields[0] == "cpu";
    if (!times || (!is_total && (!id || *id >= cores_max)))
      problems.add("/proc/stat:" + std::to_string(number),
                   "expected `cpuN` and at least four numbers of ticks");
    else if (is_total)
      out.total = times;
    else
      out.cores.emplace(static_cast<uint32_t>(*id), *times);
  });
  if (!whole)
    problems.add("/proc/stat", "the last line is cut off");
  if (!out.total)
    problems.add("/proc/stat", "has no `cpu` line");
  return out;
}

std::optional<cpu_ratios> busy_between(const cpu_times& before, const cpu_times& now) {
  auto ticks = [](uint64_t from, uint64_t to) {
    return to > from ? static_cast<double>(to - from) : 0.0;
  };
  auto user = ticks(before.user, now.user);
  auto system = ticks(before.system, now.system);
  auto idle = ticks(before.idle, now.idle);
  auto iowait = ticks(before.iowait, now.iowait);
  auto steal = ticks(before.steal, now.steal);
  auto total = user + system + idle + iowait + steal;
  if (total <= 0)
    return std::nullopt;
  return cpu_ratios{clamp_ratio((user + system + steal) / total), user / total, system / total,
                    iowait / total, steal / total};
}

} // namespace coppice::edge
