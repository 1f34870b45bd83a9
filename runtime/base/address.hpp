#pragma once

#include "runtime/base/result.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace coppice {

/// Is this a node name or a child id: `[a-z][a-z0-9_-]{0,62}`?
bool is_name(std::string_view text);

/// `[NODE:]/user/a/b`. An empty node means this node, or the one node that has the path.
struct address {
  std::string node;
  std::string path; ///< Absolute, normalised, at least `/`.

  bool operator==(const address&) const = default;
};

/// Errors: errc::invalid_address, naming the part that is wrong.
result<address> parse_address(std::string_view text);
std::string to_string(const address& x);

/// `/a/b` -> {"a", "b"}; `/` -> {}.
std::vector<std::string_view> path_segments(std::string_view path);

/// `/a/b` -> `/a`; `/a` -> `/`.
std::string_view parent_path(std::string_view path);

/// `/a/b` -> `b`; `/` -> ``.
std::string_view last_segment(std::string_view path);

/// The candidate nearest to `word` by edit distance, when it is near enough to be a misspelling: two thirds of the letters
/// agree, or half of them behind the same first two. Else empty.
template <class Range>
std::string nearest_name(std::string_view word, const Range& candidates);

/// Letters put in, left out, replaced, or swapped with their neighbour.
size_t edit_distance(std::string_view a, std::string_view b);

template <class Range>
std::string nearest_name(std::string_view word, const Range& candidates) {
  std::string best;
  auto best_distance = word.size(); // At least one letter is the same.
  for (const auto& candidate : candidates) {
    auto distance = edit_distance(word, candidate);
    auto longest = std::max({word.size(), std::string_view{candidate}.size(), size_t{3}});
    auto part =
      word.substr(0, 2) == std::string_view{candidate}.substr(0, 2) ? size_t{2} : size_t{3};
    if (distance < best_distance && part * distance <= longest) {
      best_distance = distance;
      best = std::string{candidate};
    }
  }
  return best;
}

} // namespace coppice
