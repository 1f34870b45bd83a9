#include "tests/bench/frame/runner.hpp"

#include "tests/bench/frame/statistics.hpp"

#include <algorithm>

namespace coppice::bench {

namespace {

/// Everything that the rounds of one row gave.
struct samples {
  std::vector<reading> value;
  std::vector<std::vector<reading>> baselines;
  std::vector<std::string> missing; ///< By baseline; empty: nothing is.
  error failure;
};

samples measure_row(const row& what, const run_settings& settings) {
  samples out;
  out.baselines.resize(what.baselines.size());
  out.missing.resize(what.baselines.size());
  for (int round = 0; round < settings.rounds; ++round) {
    if (settings.progress)
      settings.progress(what.name, round, settings.rounds);
    auto value = [&] {
      auto x = settings.measure(what.value);
      if (x)
        out.value.push_back(std::move(*x));
      else
        out.failure = x.error();
    };
    auto others = [&] {
      for (size_t i = 0; i < what.baselines.size(); ++i) {
        if (round >= what.baselines[i].rounds || !out.missing[i].empty())
          continue;
        auto x = settings.measure(what.baselines[i].command);
        if (x)
          out.baselines[i].push_back(std::move(*x));
        else
          out.missing[i] = to_string(x.error());
      }
    };
    // Who goes first changes, so that none profits from what the other left behind.
    if (round % 2 == 0) {
      value();
      others();
    } else {
      others();
      value();
    }
    if (out.failure.code != errc::none)
      break;
  }
  return out;
}

const reading* find_part(const reading& from, const std::string& part) {
  if (part.empty())
    return &from;
  auto i = from.parts.find(part);
  return i != from.parts.end() ? &i->second : nullptr;
}

template <class Get>
std::vector<double> collect(const std::vector<reading>& from, const std::string& part, Get get) {
  std::vector<double> out;
  for (auto& x : from)
    if (auto* found = find_part(x, part))
      if (std::optional<double> number = get(*found))
        out.push_back(*number);
  return out;
}

std::optional<double> median_of(const std::vector<double>& xs) {
  return xs.empty() ? std::nullopt : std::optional{median(xs)};
}

outcome summarise(const row& what, const figure& fig, const samples& from) {
  auto value_of = [](const reading& x) { return std::optional{x.value}; };
  outcome out;
  out.name = fig.part.empty() ? what.name : what.name + "." + fig.part;
  out.unit = fig.unit;
  out.is = fig.is;
  out.value_min = fig.value_min;
  out.value_max = fig.value_max;
  out.failure = from.failure;
  auto values = collect(from.value, fig.part, value_of);
  if (out.failure.code != errc::none)
    return out;
  if (values.empty()) {
    out.failure = {errc::handler_error, "the measurement has no such part", out.name, {}};
    return out;
  }
  out.value = median(values);
  out.spread = spread(values);
  out.p50_ms = median_of(collect(from.value, fig.part, [](auto& x) { return x.p50_ms; }));
  out.p99_ms = median_of(collect(from.value, fig.part, [](auto& x) { return x.p99_ms; }));
  out.n = find_part(from.value.back(), fig.part)->n;
  auto widest = out.spread;
  for (size_t i = 0; i < what.baselines.size(); ++i) {
    compared other;
    other.name = what.baselines[i].name;
    other.missing = from.missing[i];
    other.ratio_min = i == 0 ? fig.ratio_min : what.baselines[i].ratio_min;
    auto numbers = collect(from.baselines[i], fig.part, value_of);
    if (other.missing.empty() && numbers.empty())
      continue; // This baseline knows nothing of this part.
    if (other.missing.empty()) {
      other.value = median(numbers);
      other.spread = spread(numbers);
      other.ratio = ratio(out.value, *other.value, fig.is);
      if (i == 0)
        widest = std::max(widest, other.spread);
    }
    out.baselines.push_back(std::move(other));
  }
  out.unsteady = widest > spread_max;
  return out;
}

struct attempt {
  std::vector<outcome> outcomes;
  duration took{0};

  double widest() const {
    double out = 0;
    for (auto& x : outcomes) {
      out = std::max(out, x.spread);
      if (!x.baselines.empty())
        out = std::max(out, x.baselines.front().spread);
    }
    return out;
  }

  bool unsteady() const {
    return std::any_of(outcomes.begin(), outcomes.end(), [](auto& x) { return x.unsteady; });
  }
};

attempt try_row(const row& what, const run_settings& settings) {
  auto begun = settings.now();
  auto taken = measure_row(what, settings);
  attempt out;
  for (auto& fig : what.figures)
    out.outcomes.push_back(summarise(what, fig, taken));
  out.took = settings.now() - begun;
  return out;
}

} // namespace

std::optional<bool> outcome::met() const {
  if (failure.code != errc::none)
    return std::nullopt;
  std::optional<bool> out;
  auto demand = [&](bool reached) { out = out.value_or(true) && reached; };
  if (value_min)
    demand(value >= *value_min);
  if (value_max)
    demand(value <= *value_max);
  for (auto& x : baselines)
    if (x.ratio_min && x.value)
      demand(x.ratio >= *x.ratio_min);
  return out;
}

std::vector<outcome> run(const std::vector<row>& rows, const run_settings& settings) {
  auto begun = settings.now();
  std::vector<attempt> attempts;
  for (auto& x : rows)
    attempts.push_back(try_row(x, settings));
  for (size_t i = 0; i < rows.size(); ++i) {
    auto& first = attempts[i];
    if (!first.unsteady() || settings.now() - begun + first.took > settings.budget)
      continue;
    auto second = try_row(rows[i], settings);
    if (second.widest() < first.widest())
      first = std::move(second);
  }
  std::vector<outcome> out;
  for (auto& x : attempts)
    for (auto& y : x.outcomes)
      out.push_back(std::move(y));
  return out;
}

} // namespace coppice::bench
