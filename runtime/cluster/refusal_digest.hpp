#pragma once

#include "runtime/base/duration.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::cluster {

/// Connections from one source that this node refused since it was last told of.
struct turned_away {
  std::string source; ///< The host; `others` past `sources_max`.
  std::string reason; ///< Of the last one, a word: `certificate`, `cluster_name`...
  std::string text;   ///< The same in words.
  uint64_t count = 0;

  bool operator==(const turned_away&) const = default;
};

/// Makes few entries of many refusals: the first of a source at once, then one after a minute with the number since, and
/// while it goes on after ever longer, up to an hour. Pure.
/// Bounds: `sources_max` sources; one that was quiet for as long is forgotten.
class refusal_digest {
public:
  static constexpr size_t sources_max = 256;
  static constexpr duration interval_min = std::chrono::minutes{1};
  static constexpr duration interval_max = std::chrono::hours{1};

  /// `source`: `host:port`, of which the host counts.
  void add(std::string_view source, std::string reason, std::string text, duration now);

  /// What is to be told now.
  std::vector<turned_away> take_due(duration now);

private:
  struct entry {
    turned_away what;
    duration interval{0};
    duration due{0};
  };

  std::map<std::string, entry, std::less<>> sources_;
};

} // namespace coppice::cluster
