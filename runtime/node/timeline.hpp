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
    kind; ///< `restart`, `stopped`, `gone`, `escalation`, `node`, `reload`, `drill`, `alert`, `nats`, `audit`.
  std::string path;    ///< Empty when it concerns no actor.
  std::string text;    ///< One line for people.
  std::string details; ///< JSON object; empty when there is nothing more to tell.
};

/// The newest entries of this node; the cluster's history is made of all nodes' timelines.
/// Threading: thread-safe. Bounds: `entries_max`, `bytes_max` of texts and `age_max`; the oldest go first.
class timeline {
public:
  static constexpr size_t entries_max = 10'000;
  static constexpr size_t bytes_max = 16 << 20;
  static constexpr duration age_max = std::chrono::hours{7 * 24};

  using callback = std::function<void(const timeline_entry&)>;

  /// Told of every new or completed entry, in their order, and of the oldest number that is still kept. Called on the
  /// adding thread, often an actor's: must not block and not call back.
  using keeper = std::function<void(const timeline_entry&, uint64_t oldest)>;

  explicit timeline(std::string node) : node_(std::move(node)) {}

  /// Puts what was kept of earlier lives of this node in front and has the rest kept from now on. `older` is in the order
  /// of its numbers.
  void keep(std::vector<timeline_entry> older, keeper to);

  /// From here on the keeper is not called any more.
  void keep_no_more();

  /// Gives the entry's number.
  uint64_t add(timeline_entry x);

  /// What took time to find out about an entry that was added before; nothing happens when it is gone.
  void complete(uint64_t number, std::string details);

  /// Oldest first.
  std::vector<timeline_entry> since(instant from, size_t limit) const;

  /// Calls back, on the adding thread, with each new entry until unfollow().
  uint64_t follow(callback f);
  void unfollow(uint64_t id);

private:
  void push(timeline_entry x);
  bool is_over(instant now) const;

  const std::string node_;
  mutable std::mutex mutex_;
  std::deque<timeline_entry> entries_;
  size_t bytes_ = 0;
  keeper keeper_;
  std::map<uint64_t, callback> followers_;
  uint64_t last_ = 0;
  uint64_t last_follower_ = 0;
};

} // namespace coppice
