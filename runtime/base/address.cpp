#include "runtime/base/address.hpp"

#include "runtime/base/characters.hpp"

#include <algorithm>
#include <numeric>

namespace coppice {

namespace {

bool lower(char c) {
  return c >= 'a' && c <= 'z';
}
} // namespace

bool is_name(std::string_view text) {
  if (text.empty() || text.size() > 63 || !lower(text[0]))
    return false;
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return lower(c) || is_digit(c) || c == '_' || c == '-'; });
}

result<address> parse_address(std::string_view text) {
  address out;
  auto slash = text.find('/');
  if (slash == std::string_view::npos)
    return error{errc::invalid_address,
                 "'" + std::string{text} + "' has no path; an address is [NODE:]/user/a/b",
                 std::string{text},
                 {}};
  if (slash > 0) {
    if (text[slash - 1] != ':' || !is_name(text.substr(0, slash - 1)))
      return error{errc::invalid_address,
                   "'" + std::string{text.substr(0, slash)} + "' is no node name followed by ':'",
                   std::string{text},
                   {}};
    out.node = text.substr(0, slash - 1);
  }
  auto path = text.substr(slash);
  for (auto segment : path_segments(path)) {
    if (!is_name(segment))
      return error{errc::invalid_address,
                   "'" + std::string{segment} + "' is no name; names match [a-z][a-z0-9_-]{0,62}",
                   std::string{text},
                   {}};
    out.path += '/';
    out.path += segment;
  }
  if (out.path.empty())
    out.path = "/";
  return out;
}

std::string to_string(const address& x) {
  return x.node.empty() ? x.path : x.node + ":" + x.path;
}

std::vector<std::string_view> path_segments(std::string_view path) {
  std::vector<std::string_view> out;
  while (!path.empty()) {
    if (path.front() == '/') {
      path.remove_prefix(1);
      continue;
    }
    auto end = std::min(path.find('/'), path.size());
    out.push_back(path.substr(0, end));
    path.remove_prefix(end);
  }
  return out;
}

std::string_view parent_path(std::string_view path) {
  auto slash = path.rfind('/');
  if (slash == std::string_view::npos || slash == 0)
    return "/";
  return path.substr(0, slash);
}

std::string_view last_segment(std::string_view path) {
  auto slash = path.rfind('/');
  return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  auto above = row;
  auto two_above = row;
  for (size_t i = 0; i < a.size(); ++i) {
    two_above.swap(above);
    above.swap(row);
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      row[j + 1] = std::min({above[j + 1] + 1, row[j] + 1, above[j] + (a[i] == b[j] ? 0 : 1)});
      if (i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j])
        row[j + 1] = std::min(row[j + 1], two_above[j - 1] + 1);
    }
  }
  return row.back();
}

} // namespace coppice
