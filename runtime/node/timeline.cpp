#include "runtime/node/timeline.hpp"

#include <algorithm>

namespace coppice {

void timeline::add(timeline_entry x) {
  std::lock_guard guard{mutex_};
  x.number = ++last_;
  x.node = node_;
  // Who follows goes by time: an entry that is told late (its stack had to be read first) must not fall behind what was
  // told already.
  if (!entries_.empty())
    x.at = std::max(x.at, entries_.back().at);
  entries_.push_back(x);
  if (entries_.size() > entries_max)
    entries_.pop_front();
  for (auto& [id, follower] : followers_)
    follower(x);
}

std::vector<timeline_entry> timeline::since(instant from, size_t limit) const {
  std::lock_guard guard{mutex_};
  std::vector<timeline_entry> out;
  for (auto& entry : entries_)
    if (entry.at >= from)
      out.push_back(entry);
  if (out.size() > limit)
    out.erase(out.begin(), out.end() - static_cast<std::ptrdiff_t>(limit));
  return out;
}

uint64_t timeline::follow(callback f) {
  std::lock_guard guard{mutex_};
  followers_.emplace(++last_follower_, std::move(f));
  return last_follower_;
}

void timeline::unfollow(uint64_t id) {
  std::lock_guard guard{mutex_};
  followers_.erase(id);
}

} // namespace coppice
