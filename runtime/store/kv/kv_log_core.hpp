#pragma once

#include "runtime/store/kv/kv_types.hpp"

#include <deque>
#include <span>

namespace coppice::kv {

struct log_limits {
  uint64_t changes_max = 10'000;
  uint64_t bytes_max = 64 << 20; ///< Keys and values.
};

/// What a log holds, and when its oldest revision must go. Whole revisions come and go; the newest
/// one stays whatever its size. Pure; the rows themselves are elsewhere.
struct log_window {
  uint64_t compacted = 0; ///< Changes up to this revision are gone.
  uint64_t changes = 0;
  uint64_t bytes = 0;

  void add(std::span<const change> added);
  bool is_over(const log_limits& limits) const;
  void drop(uint64_t revision, uint64_t dropped_changes, uint64_t dropped_bytes);

  bool operator==(const log_window&) const = default;
};

/// What a change weighs in a log.
uint64_t log_bytes(const change& x);

/// Can changes behind `after` be told? Errors: `compacted` when the log begins later;
/// errc::invalid_value when the store is not yet there. Both at `/after`.
result<void> check_after(uint64_t after, uint64_t compacted_up_to, uint64_t revision);

/// Does a request ask for this change? `after` is not looked at.
bool matches(const changes_request& request, const change& x);

/// Puts changes into a page until it is full; the page ends behind a whole revision. Pure.
class changes_filler {
public:
  explicit changes_filler(const changes_request& request) : limit_(request.limit) {}

  /// False when the page is full without this one.
  bool offer(change x);
  /// `revision` is the store's: a page that is not full reaches up to it.
  changes_page take(uint64_t revision);

private:
  size_t limit_;
  size_t bytes_ = 0;
  bool full_ = false;
  changes_page page_;
};

/// A log in memory. Single owner; not thread-safe.
class change_log {
public:
  explicit change_log(log_limits limits) : limits_(limits) {}

  /// Takes the changes of one or more revisions, and lets the oldest go.
  void append(std::vector<change> changes);

  /// Errors: as check_after().
  result<changes_page> read(const changes_request& request, uint64_t revision) const;

  const log_window& window() const { return window_; }

private:
  void drop_oldest();

  log_limits limits_;
  log_window window_;
  std::deque<change> rows_;
};

/// A watcher's place in a log. Its buffer is the log itself: a watcher that the log's window has
/// left behind is told that it lagged and goes on from the store's revision. Pure.
class watch_cursor {
public:
  watch_cursor(const watch_options& options, uint64_t after);

  bool is_behind(uint64_t revision) const { return request_.after < revision; }
  uint64_t revision() const { return request_.after; }
  /// What to read next.
  const changes_request& request() const { return request_; }

  /// Takes what was read while the store was at `revision`. News when there is something to tell,
  /// nothing when no change was for this watcher. Errors: other than `compacted`, as they came; the
  /// place stays as it was.
  result<std::optional<watch_news>> step(result<changes_page> read, uint64_t revision);

private:
  changes_request request_;
};

} // namespace coppice::kv
