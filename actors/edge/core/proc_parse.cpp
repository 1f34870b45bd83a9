#include "actors/edge/core/proc_parse.hpp"

#include "actors/edge/core/proc_text.hpp"

#include <set>

namespace coppice::edge {

using namespace detail;

namespace {

constexpr std::string_view cut_off = "the last line is cut off";

} // namespace

void problem_list::add(std::string source, std::string reason) {
  if (entries_.size() < entries_max - 1)
    entries_.push_back({std::move(source), std::move(reason)});
  else
    ++dropped_;
}

std::vector<unreadable_part> problem_list::take() {
  if (dropped_ > 0)
    entries_.push_back({"", std::to_string(dropped_) + " more problems"});
  dropped_ = 0;
  return std::exchange(entries_, {});
}

std::optional<load_sample> parse_loadavg(std::string_view text, problem_list& problems) {
  auto fields = words(trim(text), 6);
  if (fields.size() == 5) {
    auto one = to_fraction(fields[0]);
    auto five = to_fraction(fields[1]);
    auto fifteen = to_fraction(fields[2]);
    auto slash = fields[3].find('/');
    if (one && five && fifteen && slash != std::string_view::npos) {
      auto runnable = to_count(fields[3].substr(0, slash));
      auto tasks = to_count(fields[3].substr(slash + 1));
      if (runnable && tasks)
        return load_sample{*one, *five, *fifteen, *runnable, *tasks};
    }
  }
  problems.add("/proc/loadavg", "expected three averages, running/total and a process id");
  return std::nullopt;
}

std::optional<double> parse_uptime(std::string_view text, problem_list& problems) {
  auto fields = words(trim(text), 3);
  if (fields.size() == 2)
    if (auto seconds = to_fraction(fields[0]))
      return *seconds;
  problems.add("/proc/uptime", "expected two numbers of seconds");
  return std::nullopt;
}

std::optional<memory_sample> parse_meminfo(std::string_view text, problem_list& problems) {
  std::map<std::string_view, uint64_t> bytes;
  auto whole = each_line(text, [&](std::string_view line, size_t number) {
    auto colon = line.find(':');
    auto fields = words(colon == std::string_view::npos ? line : line.substr(colon + 1), 3);
    // Lines without a unit are counts of huge pages.
    auto value = fields.empty() ? std::nullopt : to_count(fields[0]);
    if (colon == std::string_view::npos || !value || fields.size() > 2
        || (fields.size() == 2 && fields[1] != "kB")
        || *value > static_cast<uint64_t>(INT64_MAX) / 1024) {
      problems.add("/proc/meminfo:" + std::to_string(number), "expected `name: number kB`");
      return;
    }
    if (fields.size() == 2)
      bytes.emplace(line.substr(0, colon), *value * 1024);
  });
  if (!whole)
    problems.add("/proc/meminfo", std::string{cut_off});
  auto get = [&](std::string_view name) -> std::optional<uint64_t> {
    auto i = bytes.find(name);
    return i == bytes.end() ? std::nullopt : std::optional{i->second};
  };
  auto total = get("MemTotal");
  auto available = get("MemAvailable");
  if (!available && get("MemFree"))
    available = *get("MemFree") + get("Buffers").value_or(0) + get("Cached").value_or(0);
  if (!total || *total == 0 || !available) {
    problems.add("/proc/meminfo", "MemTotal or MemAvailable is missing");
    return std::nullopt;
  }
  memory_sample out;
  out.total_bytes = *total;
  out.available_bytes = std::min(*available, *total);
  out.used_bytes = out.total_bytes - out.available_bytes;
  out.used_ratio = static_cast<double>(out.used_bytes) / static_cast<double>(out.total_bytes);
  out.cached_bytes = get("Cached");
  out.dirty_bytes = get("Dirty");
  out.swap_total_bytes = get("SwapTotal");
  if (auto free = get("SwapFree"); free && out.swap_total_bytes) {
    out.swap_used_bytes = *out.swap_total_bytes - std::min(*free, *out.swap_total_bytes);
    if (*out.swap_total_bytes > 0)
      out.swap_used_ratio =
        static_cast<double>(*out.swap_used_bytes) / static_cast<double>(*out.swap_total_bytes);
  }
  return out;
}

namespace {

/// `avg10=0.00 avg60=0.12 avg300=5.49 total=143473615`: percents and microseconds.
std::optional<stall_sample> parse_stall(const std::vector<std::string_view>& fields) {
  stall_sample out;
  const std::pair<std::string_view, double*> averages[] = {
    {"avg10=", &out.avg_10s}, {"avg60=", &out.avg_60s}, {"avg300=", &out.avg_300s}};
  if (fields.size() != 5)
    return std::nullopt;
  for (size_t i = 0; i < 3; ++i) {
    auto [prefix, slot] = averages[i];
    if (!fields[i + 1].starts_with(prefix))
      return std::nullopt;
    auto percent = to_fraction(fields[i + 1].substr(prefix.size()));
    if (!percent)
      return std::nullopt;
    *slot = clamp_ratio(*percent / 100);
  }
  if (!fields[4].starts_with("total="))
    return std::nullopt;
  auto total_us = to_count(fields[4].substr(6));
  if (!total_us)
    return std::nullopt;
  out.total_s = static_cast<double>(*total_us) / 1e6;
  return out;
}

} // namespace

std::optional<pressure_sample> parse_pressure(std::string_view text, const std::string& source,
                                              problem_list& problems) {
  pressure_sample out;
  auto whole = each_line(text, [&](std::string_view line, size_t number) {
    auto fields = words(line, 6);
    auto stall = parse_stall(fields);
    if (stall && fields[0] == "some")
      out.some = stall;
    else if (stall && fields[0] == "full")
      out.full = stall;
    else
      problems.add(source + ":" + std::to_string(number),
                   "expected `some|full avg10= avg60= avg300= total=`");
  });
  if (!whole)
    problems.add(source, std::string{cut_off});
  if (!out.some && !out.full) {
    if (text.empty())
      problems.add(source, "is empty");
    return std::nullopt;
  }
  return out;
}

std::optional<double> parse_celsius(std::string_view text) {
  text = trim(text);
  int64_t millis = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), millis);
  if (ec != std::errc{} || end != text.data() + text.size() || millis < -200'000
      || millis > 1'000'000)
    return std::nullopt;
  return static_cast<double>(millis) / 1000;
}

std::optional<uint64_t> counter_delta(uint64_t before, uint64_t now) {
  if (now >= before)
    return now - before;
  constexpr uint64_t range = uint64_t{1} << 32;
  if (before < range && now + (range - before) < (uint64_t{1} << 30))
    return now + (range - before);
  return std::nullopt;
}

std::string safe_name(std::string_view text) {
  constexpr size_t bytes_max = 255;
  std::string out;
  size_t i = 0;
  while (i < text.size()) {
    auto lead = static_cast<unsigned char>(text[i]);
    size_t length = lead < 0x80                   ? 1
                    : lead >= 0xc2 && lead < 0xe0 ? 2
                    : lead >= 0xe0 && lead < 0xf0 ? 3
                    : lead >= 0xf0 && lead < 0xf5 ? 4
                                                  : 0;
    bool good = length > 0 && i + length <= text.size() && lead >= 0x20 && lead != 0x7f;
    for (size_t j = 1; good && j < length; ++j)
      good = (static_cast<unsigned char>(text[i + j]) & 0xc0) == 0x80;
    if (good && length > 2) {
      // Overlong forms, surrogates and what lies past U+10FFFF.
      auto second = static_cast<unsigned char>(text[i + 1]);
      good = !(lead == 0xe0 && second < 0xa0) && !(lead == 0xed && second >= 0xa0)
             && !(lead == 0xf0 && second < 0x90) && !(lead == 0xf4 && second >= 0x90);
    }
    auto piece = good ? text.substr(i, length) : std::string_view{"?"};
    if (out.size() + piece.size() > bytes_max)
      break;
    out += piece;
    i += good ? length : 1;
  }
  return out;
}

} // namespace coppice::edge
