#pragma once

#include "runtime/events/mark_filter.hpp"
#include "runtime/store/sqlite_file.hpp"

#include <atomic>
#include <mutex>
#include <span>

/// Which consumer has had which event; transactions are the caller's.
namespace coppice::events::detail {

/// False when the mark is there already.
result<bool> insert_mark(store::database& db, const std::string& consumer, std::string_view id);
/// Those that are there already stay.
result<void> insert_marks(store::database& db, const std::string& consumer,
                          std::span<const std::string_view> ids);
result<bool> has_mark(store::database& db, const std::string& consumer, std::string_view id);
/// Keeps the newest `keep` marks of the file.
result<void> prune_marks(store::database& db, uint64_t keep);

/// The hash of an id, for known_marks.
uint64_t mark_hash(std::string_view id);

/// What memory knows of one consumer's marks in one file: which ids certainly have none. It is
/// enough once all marks of the file have been read, because every mark that is made afterwards is
/// added; until then, and for what may have a mark, the file is asked. All consumers of that name
/// and file share it, also one that has ended and whose last marks are still on their way; the file
/// belongs to this process. Threading: thread-safe; add() and the reading happen in the file's
/// writer thread, so that neither misses what the other does.
class known_marks : public std::enable_shared_from_this<known_marks> {
public:
  /// The one of this file and consumer.
  static std::shared_ptr<known_marks> of(const store::sqlite_file& file,
                                         const std::string& consumer, uint64_t marks_max);

  known_marks(std::string consumer, uint64_t marks_max)
    : consumer_(std::move(consumer)),
      filter_(marks_max) {}

  /// Reads the marks of the file, some at a time, unless it has done so or is about to. Ends early
  /// when the file does not answer; the next call goes on.
  void read(const std::shared_ptr<store::sqlite_file>& file);

  /// In the writer thread, in the job that makes the marks.
  void add(std::span<const uint64_t> hashes);

  /// Asks under one lock.
  class view {
  public:
    explicit view(const known_marks& x) : all_(x), guard_(x.mutex_) {}
    bool may_have(uint64_t hash) const { return !all_.complete_ || all_.filter_.may_have(hash); }

  private:
    const known_marks& all_;
    std::lock_guard<std::mutex> guard_;
  };

private:
  result<void> read_some(store::database& db);
  void read_ended(const std::weak_ptr<store::sqlite_file>& file, bool ok);

  const std::string consumer_;
  mutable std::mutex mutex_;
  mark_filter filter_;
  bool reading_ = false; ///< A job is on its way.
  /// All are in the filter. Set in the writer thread.
  std::atomic<bool> complete_ = false;

  // The writer thread's.
  bool begun_ = false; ///< From here on, marks that are made are kept in early_.
  int64_t last_ = 0;   ///< The number of the last mark that was read.
  std::vector<uint64_t> early_;
};

} // namespace coppice::events::detail
