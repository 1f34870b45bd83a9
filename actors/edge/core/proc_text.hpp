#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

/// Small tools for the kernel's text files; internal to this folder.
namespace coppice::edge::detail {

inline bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

inline std::string_view trim(std::string_view text) {
  while (!text.empty() && (is_blank(text.front()) || text.front() == '\n' || text.front() == '\r'))
    text.remove_prefix(1);
  while (!text.empty() && (is_blank(text.back()) || text.back() == '\n' || text.back() == '\r'))
    text.remove_suffix(1);
  return text;
}

/// The words of a line, at most `max` of them.
inline std::vector<std::string_view> words(std::string_view line, size_t max = 64) {
  std::vector<std::string_view> out;
  size_t i = 0;
  while (i < line.size() && out.size() < max) {
    if (is_blank(line[i])) {
      ++i;
      continue;
    }
    auto begin = i;
    while (i < line.size() && !is_blank(line[i]))
      ++i;
    out.push_back(line.substr(begin, i - begin));
  }
  return out;
}

/// Calls `f(line, number)` for every complete line, numbers from 1. Returns false when the text
/// does not end with a newline; what follows the last one is then not shown.
template <class F>
bool each_line(std::string_view text, F f) {
  size_t number = 0;
  while (!text.empty()) {
    auto end = text.find('\n');
    if (end == std::string_view::npos)
      return false;
    f(text.substr(0, end), ++number);
    text.remove_prefix(end + 1);
  }
  return true;
}

/// A whole decimal number up to 2^63 - 1, since greater ones cannot be had as JSON.
inline std::optional<uint64_t> to_count(std::string_view text) {
  uint64_t out = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc{} || end != text.data() + text.size()
      || out > static_cast<uint64_t>(INT64_MAX))
    return std::nullopt;
  return out;
}

/// A counter: wraps where the kernel's unsigned long does, so all 64 bits are allowed.
inline std::optional<uint64_t> to_counter(std::string_view text) {
  uint64_t out = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (ec != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return out;
}

/// A decimal fraction that is not negative.
inline std::optional<double> to_fraction(std::string_view text) {
  double out = 0;
  auto [end, ec] =
    std::from_chars(text.data(), text.data() + text.size(), out, std::chars_format::fixed);
  if (ec != std::errc{} || end != text.data() + text.size() || !std::isfinite(out) || out < 0)
    return std::nullopt;
  return out;
}

/// Counters of words [from, from + N); nothing unless every one is a number.
template <size_t N>
std::optional<std::array<uint64_t, N>> counters(const std::vector<std::string_view>& fields,
                                                size_t from) {
  std::array<uint64_t, N> out{};
  if (fields.size() < from + N)
    return std::nullopt;
  for (size_t i = 0; i < N; ++i) {
    auto value = to_counter(fields[from + i]);
    if (!value)
      return std::nullopt;
    out[i] = *value;
  }
  return out;
}

inline double clamp_ratio(double x) {
  return x < 0 ? 0 : x > 1 ? 1 : x;
}

} // namespace coppice::edge::detail
