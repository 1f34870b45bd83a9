#pragma once

#include "runtime/events/outbox_row.hpp"

#include <cstddef>
#include <deque>
#include <vector>

namespace coppice::events::detail {

/// Which rows of the outbox are on their way, in order. Pure: no I/O, no clock; single owner.
/// A row is sent, then acknowledged or failed; failed ones are sent again before anything new, and
/// nothing is sent while some have failed and others are still on their way.
class outbox_window {
public:
  enum class stage : uint8_t { waiting, in_flight, acknowledged, failed, handed_over };

  struct entry {
    outbox_row row;
    stage is = stage::waiting;
    uint32_t refusals = 0;
  };

  explicit outbox_window(size_t max) : max_(max) {}

  /// How many more rows may be read.
  size_t room() const {
    return failed_ > 0 || max_ <= entries_.size() ? 0 : max_ - entries_.size();
  }
  void add(outbox_row row);

  /// The rows to send now, in order; they are in flight afterwards.
  std::vector<entry*> take();

  entry* find(uint64_t sequence);
  /// Rows that are not in flight, and rows that are unknown, are left as they are.
  void acknowledge(uint64_t sequence);
  void fail(uint64_t sequence);
  /// Somebody else takes care of it until acknowledge() or fail().
  void hand_over(uint64_t sequence);
  /// It was not sent after all.
  void unsend(uint64_t sequence);

  /// Removes what is acknowledged from the front; returns the rows' sizes, in order.
  std::vector<row_size> settle();

  /// The failed rows may be sent again.
  void retry();
  void clear();

  size_t in_flight() const { return in_flight_; }
  size_t failed() const { return failed_; }
  bool empty() const { return entries_.empty(); }
  bool can_settle() const {
    return !entries_.empty() && entries_.front().is == stage::acknowledged;
  }
  /// The last row added; 0 when none was.
  uint64_t last() const { return last_; }
  void start_after(uint64_t sequence) { last_ = sequence; }
  uint32_t refusals(uint64_t sequence);

private:
  void move(entry& x, stage to);

  size_t max_;
  std::deque<entry> entries_;
  size_t in_flight_ = 0;
  size_t failed_ = 0;
  size_t waiting_ = 0;
  uint64_t last_ = 0;
};

} // namespace coppice::events::detail
