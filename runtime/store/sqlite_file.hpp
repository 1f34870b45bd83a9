#pragma once

#include "runtime/store/sqlite.hpp"

#include <functional>
#include <memory>

namespace coppice::store {

struct sqlite_file_options {
  std::string path;
  size_t queue_max = 16'384; ///< Jobs that wait; past it submit() fails with errc::rate_limited.
  size_t queue_bytes_max = 256 << 20; ///< Their weight in bytes.
  size_t batch_max = 1024;            ///< Jobs that share one transaction.
  size_t readers_max = 4;             ///< Connections for read().
};

struct sqlite_file_stats {
  uint64_t jobs = 0;    ///< Jobs finished, with or without success.
  uint64_t commits = 0; ///< Transactions committed; jobs / commits is the group's size.
  uint64_t failed_commits = 0;
  /// Of the last write; empty when it succeeded. Jobs that are wrong in themselves do not count.
  std::string last_error;
  size_t waiting = 0; ///< Jobs that wait now.
};

/// One SQLite file: a writer thread with group commit, and readers beside it. Jobs that arrive
/// while a commit is on its way share the next transaction; each runs in a savepoint, so each fails
/// alone. Several parts share one file (and its commits), each with tables of its own. Threading:
/// thread-safe. Ordering: jobs run in the order of submit(); their callbacks come in the same
/// order.
class sqlite_file {
public:
  /// Runs in the writer thread inside the group's transaction; an error rolls this job back, not
  /// the others. It may run again when the group's commit has failed, so it keeps its effects
  /// inside the database. Must not begin or end transactions.
  using work = std::function<result<void>(database&)>;
  /// Runs in the writer thread once the outcome is durable (or failed). Must not block and must not
  /// call run().
  using done = std::function<void(result<void>)>;

  /// Opens (and makes) the file and its writer. Errors: errc::storage.
  static result<std::shared_ptr<sqlite_file>> open(sqlite_file_options options);

  virtual ~sqlite_file() = default;

  /// Brings a part's tables up to date. Errors: errc::storage, errc::refused (newer schema).
  virtual result<void> migrate(const schema& wanted) = 0;

  /// Queues a job; `weight` is the memory that it holds, in bytes. Without an error `done` is
  /// called exactly once. Errors: errc::rate_limited when the queue is full, errc::refused after
  /// close().
  virtual result<void> submit(work job, done callback, size_t weight = 0) = 0;

  /// Queues a job and waits for its outcome. Blocks: never from a scheduler thread or a callback of
  /// this file.
  result<void> run(work job, size_t weight = 0);

  /// Reads in the calling thread with a connection of its own; sees everything that was committed
  /// before. Blocks.
  virtual result<void> read(const std::function<result<void>(database&)>& job) = 0;

  /// Calls in the writer thread after each commit, before the callbacks of its jobs. Listeners stay
  /// as long as the file: capture weakly.
  virtual void on_commit(std::function<void(database&)> listener) = 0;

  virtual const std::string& path() const = 0;
  virtual sqlite_file_stats stats() const = 0;

  /// Finishes what is queued, then stops the writer. Further submits fail. Called by the
  /// destructor.
  virtual void close() = 0;

protected:
  virtual bool in_writer_thread() const = 0;
};

} // namespace coppice::store
