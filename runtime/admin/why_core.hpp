#pragma once

#include "runtime/base/duration.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace coppice::admin {

/// Somebody waits for an answer.
struct wait_edge {
  std::string from; ///< Address of who waits; `(outside)` for requests that came from no actor.
  std::string to;   ///< Address of who owes the answer.
  std::string type; ///< Of the message.
  duration age{0};

  bool operator==(const wait_edge&) const = default;
};

/// Groups of actors of which each waits for one of the others, directly or through them: none of them can go on unless one
/// answers without its own answer. Each is a closed walk without its end, starting at its least address; sorted.
/// Pure. Cost: linear in edges, but for the sorting.
std::vector<std::vector<std::string>> find_cycles(const std::vector<wait_edge>& edges);

/// The edge that waits longest; nothing when there is none.
std::optional<wait_edge> oldest_wait(const std::vector<wait_edge>& edges);

/// Edges that `path` has to do with: those from and to it or anything below it, and what those in turn wait for.
std::vector<wait_edge> waits_about(const std::vector<wait_edge>& edges, const std::string& address);

} // namespace coppice::admin
