#include "tests/bench/frame/report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace coppice::bench {

namespace {

json::value number(const std::optional<double>& x) {
  return x ? json::value(*x) : json::value(nullptr);
}

json::object baseline_json(const compared& x) {
  json::object out;
  out["name"] = x.name;
  out["value"] = number(x.value);
  if (x.value)
    out["spread"] = x.spread;
  if (!x.missing.empty())
    out["missing"] = x.missing;
  return out;
}

json::object target_json(const outcome& x) {
  json::object out;
  if (x.value_min)
    out["value_min"] = *x.value_min;
  if (x.value_max)
    out["value_max"] = *x.value_max;
  if (!x.baselines.empty() && x.baselines.front().ratio_min)
    out["ratio_min"] = *x.baselines.front().ratio_min;
  return out;
}

std::string format(const char* how, double x) {
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), how, x);
  return out.data();
}

// Three digits that count: `4.81 M`, `612 k`, `0.61`.
std::string quick(double x) {
  for (auto [step, letter] : {std::pair{1e9, " G"}, std::pair{1e6, " M"}, std::pair{1e3, " k"}})
    if (std::abs(x) >= step)
      return format(std::abs(x) / step >= 100 ? "%.0f" : "%.2f", x / step) + letter;
  if (x == std::floor(x) && std::abs(x) >= 10)
    return format("%.0f", x);
  return format(std::abs(x) >= 100 ? "%.0f" : std::abs(x) >= 0.1 ? "%.2f" : "%.4f", x);
}

std::string quick(const std::optional<double>& x) {
  return x ? quick(*x) : "-";
}

using line = std::array<std::string, 8>;

line line_of(const outcome& x) {
  line out{x.name, quick(x.value) + " " + x.unit};
  if (x.failure.code != errc::none) {
    out[1] = "failed: " + to_string(x.failure);
    return out;
  }
  out[5] = format("%.0f %%", x.spread * 100) + (x.unsteady ? " unsteady" : "");
  out[6] = x.p50_ms ? quick(x.p50_ms) + " ms" : "-";
  out[7] = x.p99_ms ? quick(x.p99_ms) + " ms" : "-";
  if (x.value_min)
    out[4] = ">= " + quick(x.value_min) + " " + x.unit;
  if (x.value_max)
    out[4] = "<= " + quick(x.value_max) + " " + x.unit;
  if (!x.baselines.empty()) {
    auto& first = x.baselines.front();
    out[2] = first.value ? quick(first.value) + " " + first.name : "no " + first.name;
    out[3] = first.value ? format("%.2f", first.ratio) : "-";
    if (first.ratio_min)
      out[4] = ">= " + format("%.2f", *first.ratio_min);
  }
  if (auto met = x.met())
    out[4] += *met ? " ok" : " MISSED";
  return out;
}

line line_of_further(const compared& x) {
  line out;
  out[2] = x.value ? quick(x.value) + " " + x.name : "no " + x.name + ": " + x.missing;
  out[3] = x.value ? format("%.2f", x.ratio) : "-";
  if (x.ratio_min && x.value)
    out[4] = ">= " + format("%.2f", *x.ratio_min) + (x.ratio >= *x.ratio_min ? " ok" : " MISSED");
  return out;
}

} // namespace

json::array to_json(const std::vector<outcome>& results) {
  json::array out;
  for (auto& x : results) {
    json::object row;
    row["name"] = x.name;
    row["unit"] = x.unit;
    auto failed = x.failure.code != errc::none;
    row["value"] = failed ? json::value(nullptr) : json::value(x.value);
    auto* first = x.baselines.empty() ? nullptr : &x.baselines.front();
    row["baseline"] = first != nullptr ? json::value(baseline_json(*first)) : json::value(nullptr);
    row["ratio"] =
      first != nullptr && first->value ? json::value(first->ratio) : json::value(nullptr);
    row["spread"] = x.spread;
    row["p50_ms"] = number(x.p50_ms);
    row["p99_ms"] = number(x.p99_ms);
    row["n"] = x.n;
    row["unsteady"] = x.unsteady;
    row["target"] = target_json(x);
    auto met = x.met();
    row["met"] = met ? json::value(*met) : json::value(nullptr);
    if (x.baselines.size() > 1) {
      json::array further;
      for (size_t i = 1; i < x.baselines.size(); ++i) {
        auto other = baseline_json(x.baselines[i]);
        other["ratio"] =
          x.baselines[i].value ? json::value(x.baselines[i].ratio) : json::value(nullptr);
        if (x.baselines[i].ratio_min)
          other["ratio_min"] = *x.baselines[i].ratio_min;
        further.push_back(std::move(other));
      }
      row["further"] = std::move(further);
    }
    if (failed)
      row["failed"] = to_string(x.failure);
    out.push_back(std::move(row));
  }
  return out;
}

std::string to_table(const std::vector<outcome>& results) {
  std::vector<line> lines{
    {"ROW", "VALUE", "BASELINE", "RATIO", "AT LEAST", "SPREAD", "P50", "P99"}};
  for (auto& x : results) {
    lines.push_back(line_of(x));
    for (size_t i = 1; i < x.baselines.size(); ++i)
      lines.push_back(line_of_further(x.baselines[i]));
  }
  std::array<size_t, 8> width{};
  for (auto& cells : lines)
    for (size_t i = 0; i < cells.size(); ++i)
      // A failure may be long; it does not push the columns apart.
      if (!cells[i].starts_with("failed: "))
        width[i] = std::max(width[i], cells[i].size());
  std::string out;
  for (auto& cells : lines) {
    std::string text;
    for (size_t i = 0; i < cells.size(); ++i) {
      auto padding = width[i] > cells[i].size() ? width[i] - cells[i].size() : 0;
      text += cells[i] + std::string(padding + 2, ' ');
    }
    text.erase(text.find_last_not_of(' ') + 1);
    out += text + '\n';
  }
  return out;
}

} // namespace coppice::bench
