#pragma once

#include "runtime/base/duration.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace coppice {

/// One thing that happened on a node and that a person would want to see: restarts, escalations, node changes, reloads,
/// drills, alerts.
struct timeline_entry {
  uint64_t number = 0; ///< Of this node, from 1.
  instant at;
  std::string node;
  std::string
    kind; ///< `restart`, `ended`, `gave_up`, `stop_overdue`, `member`, `reload`, `drill`, `alert`, `audit`.
  std::string path;    ///< Empty when it concerns no actor.
  std::string text;    ///< One line for people.
  std::string details; ///< JSON object; empty when there is nothing more to tell.
};

/// The newest entries of this node; the cluster's history is made of all nodes' timelines.
/// Threading: thread-safe. Bounds: `entries_max`, the oldest go first.
class timeline {
public:
  static constexpr size_t entries_max = 10'000;

  using callback = std::function<void(const timeline_entry&)>;

  explicit timeline(std::string node) : node_(std::move(node)) {}

  void add(timeline_entry x);

  /// Oldest first.
  std::vector<timeline_entry> since(instant from, size_t limit) const;

  /// Calls back, on the adding thread, with each new entry until unfollow().
  uint64_t follow(callback f);
  void unfollow(uint64_t id);

private:
  const std::string node_;
  mutable std::mutex mutex_;
  std::deque<timeline_entry> entries_;
  std::map<uint64_t, callback> followers_;
  uint64_t last_ = 0;
  uint64_t last_follower_ = 0;
};

} // namespace coppice
