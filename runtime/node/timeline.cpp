#include "runtime/node/timeline.hpp"

#include <algorithm>

namespace coppice {

namespace {

/// Two threads that report at once may swap their instants by this much; more is a clock that was set.
constexpr duration swapped_max = std::chrono::seconds{1};

size_t bytes_of(const timeline_entry& x) {
  return x.path.size() + x.text.size() + x.details.size();
}

} // namespace

bool timeline::is_over(instant now) const {
  return entries_.size() > entries_max || bytes_ > bytes_max || now - entries_.front().at > age_max;
}

void timeline::push(timeline_entry x) {
  auto now = x.at;
  bytes_ += bytes_of(x);
  entries_.push_back(std::move(x));
  while (entries_.size() > 1 && is_over(now)) {
    bytes_ -= bytes_of(entries_.front());
    entries_.pop_front();
  }
}

void timeline::keep(std::vector<timeline_entry> older, keeper to) {
  std::lock_guard guard{mutex_};
  auto newer = std::move(entries_);
  entries_.clear();
  bytes_ = 0;
  for (auto& x : older) {
    last_ = std::max(last_, x.number);
    x.node = node_;
    push(std::move(x));
  }
  keeper_ = std::move(to);
  for (auto& x : newer) {
    x.number = ++last_;
    push(x);
    if (keeper_)
      keeper_(x, entries_.front().number);
  }
}

void timeline::keep_no_more() {
  std::lock_guard guard{mutex_};
  keeper_ = nullptr;
}

uint64_t timeline::add(timeline_entry x) {
  std::lock_guard guard{mutex_};
  x.number = ++last_;
  x.node = node_;
  // Who follows goes by time: what is told a moment late must not fall behind what was told already.
  if (!entries_.empty() && entries_.back().at > x.at && entries_.back().at - x.at < swapped_max)
    x.at = entries_.back().at;
  push(x);
  if (keeper_)
    keeper_(x, entries_.front().number);
  for (auto& [id, follower] : followers_)
    follower(x);
  return x.number;
}

void timeline::complete(uint64_t number, std::string details) {
  std::lock_guard guard{mutex_};
  auto at = std::lower_bound(entries_.begin(), entries_.end(), number,
                             [](const timeline_entry& x, uint64_t n) { return x.number < n; });
  if (at == entries_.end() || at->number != number)
    return;
  bytes_ += details.size() - at->details.size();
  at->details = std::move(details);
  if (keeper_)
    keeper_(*at, entries_.front().number);
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
