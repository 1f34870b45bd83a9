#include "runtime/admin/query.hpp"

#include "runtime/base/address.hpp"

#include <charconv>

namespace coppice::admin {

std::string parameter_place(std::string_view name) {
  return "query parameter '" + std::string{name} + "'";
}

namespace {

error bad(std::string_view name, std::string message, std::string hint = {}) {
  return {errc::invalid_value, std::move(message), parameter_place(name), std::move(hint)};
}

std::string quoted(std::string_view text) {
  return "'" + std::string{text.substr(0, 100)} + "'";
}

/// One segment; `*` is any run of characters, `?` one.
bool segment_matches(std::string_view pattern, std::string_view text) {
  size_t p = 0;
  size_t t = 0;
  auto star = std::string_view::npos;
  size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && (pattern[p] == '?' || (pattern[p] == text[t] && pattern[p] != '*'))) {
      ++p;
      ++t;
    } else if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*')
    ++p;
  return p == pattern.size();
}

using parts = std::vector<std::string_view>;

/// Row by row over the pattern, so that many `**` cost no more than pattern times path.
bool segments_match(const parts& pattern, const parts& path) {
  std::vector<char> reachable(path.size() + 1, 0);
  reachable[0] = 1;
  for (auto piece : pattern) {
    std::vector<char> next(path.size() + 1, 0);
    for (size_t i = 0; i <= path.size(); ++i) {
      if (piece == "**")
        next[i] = static_cast<char>(reachable[i] || (i > 0 && next[i - 1]));
      else if (i > 0 && reachable[i - 1] && segment_matches(piece, path[i - 1]))
        next[i] = 1;
    }
    reachable = std::move(next);
  }
  return reachable[path.size()] != 0;
}

} // namespace

result<bool> query_flag(const http::request& from, std::string_view name, bool fallback) {
  auto text = from.query_value(name);
  if (text.empty())
    return fallback;
  if (text == "true")
    return true;
  if (text == "false")
    return false;
  return bad(name, quoted(text) + " is neither true nor false");
}

result<uint64_t> query_number(const http::request& from, std::string_view name, uint64_t fallback,
                              uint64_t min, uint64_t max) {
  auto text = from.query_value(name);
  if (text.empty())
    return fallback;
  uint64_t out = 0;
  auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (failed == std::errc::invalid_argument || end != text.data() + text.size())
    return bad(name, quoted(text) + " is no whole number");
  if (failed == std::errc::result_out_of_range || out < min || out > max)
    return bad(name, quoted(text) + " is not between " + std::to_string(min) + " and "
                       + std::to_string(max));
  return out;
}

result<duration> query_duration(const http::request& from, std::string_view name, duration fallback,
                                duration max) {
  auto text = from.query_value(name);
  if (text.empty())
    return fallback;
  auto out = parse_duration(text);
  if (!out)
    return bad(name, out.error().message, out.error().hint);
  if (*out > max || *out <= duration{0})
    return bad(name, quoted(text) + " is not between 1ns and " + to_string(max));
  return *out;
}

result<std::optional<instant>> query_since(const http::request& from, std::string_view name,
                                           instant now) {
  auto text = from.query_value(name);
  if (text.empty())
    return std::optional<instant>{};
  if (auto at = parse_instant(text))
    return std::optional{*at};
  if (auto ago = parse_duration(text))
    return std::optional{now - *ago};
  return bad(name,
             quoted(text) + " is neither a duration such as 15min nor an RFC 3339 time in UTC");
}

std::vector<std::string> query_list(const http::request& from, std::string_view name) {
  std::vector<std::string> out;
  auto text = from.query_value(name);
  while (!text.empty()) {
    auto end = std::min(text.find(','), text.size());
    if (end > 0)
      out.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

result<std::string> query_word(const http::request& from, std::string_view name,
                               const std::vector<std::string_view>& words) {
  auto text = from.query_value(name);
  if (text.empty())
    return std::string{};
  std::string list;
  for (auto word : words) {
    if (word == text)
      return std::string{text};
    list += (list.empty() ? "" : ", ") + std::string{word};
  }
  return bad(name, quoted(text) + " is none of " + list, nearest_name(text.substr(0, 64), words));
}

bool glob_matches(std::string_view pattern, std::string_view path) {
  if (pattern.find_first_of("*?") == std::string_view::npos)
    return is_below(path, pattern);
  return segments_match(path_segments(pattern), path_segments(path));
}

bool is_below(std::string_view path, std::string_view prefix) {
  while (prefix.size() > 1 && prefix.back() == '/')
    prefix.remove_suffix(1);
  if (prefix.empty() || prefix == "/")
    return true;
  return path.starts_with(prefix) && (path.size() == prefix.size() || path[prefix.size()] == '/');
}

std::pair<std::string, std::string> split_stream(std::string_view text) {
  auto colon = text.find(':');
  if (colon == std::string_view::npos || !is_name(text.substr(0, colon)))
    return {{}, std::string{text}};
  return {std::string{text.substr(0, colon)}, std::string{text.substr(colon + 1)}};
}

} // namespace coppice::admin
