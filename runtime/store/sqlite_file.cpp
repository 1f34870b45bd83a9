#include "runtime/store/sqlite_file.hpp"

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <optional>
#include <thread>

namespace coppice::store {

namespace {

struct job {
  sqlite_file::work run;
  sqlite_file::done finished;
  size_t weight = 0;
};

result<void> guarded(const sqlite_file::work& run, database& db) {
  try {
    return run(db);
  } catch (const std::exception& x) {
    return error{errc::internal, std::string{"a database job threw: "} + x.what()};
  }
}

result<void> execute_cached(database& db, std::string_view sql) {
  auto prepared = db.cached(sql);
  if (!prepared)
    return prepared.error();
  return (*prepared)->run();
}

/// Connections for readers; at most `max` at a time.
class reader_pool {
public:
  reader_pool(std::string path, size_t max) : path_(std::move(path)), max_(max) {}

  result<void> read(const std::function<result<void>(database&)>& job) {
    auto connection = take();
    if (!connection)
      return connection.error();
    auto& db = **connection;
    auto outcome = execute_cached(db, "BEGIN");
    if (outcome)
      outcome = guarded(job, db);
    db.reset_cached();
    if (db.in_transaction())
      static_cast<void>(execute_cached(db, "ROLLBACK"));
    give_back(std::move(*connection));
    return outcome;
  }

private:
  result<std::unique_ptr<database>> take() {
    std::unique_lock guard{mutex_};
    changed_.wait(guard, [this] { return !idle_.empty() || open_ < max_; });
    if (!idle_.empty()) {
      auto out = std::move(idle_.back());
      idle_.pop_back();
      return out;
    }
    ++open_;
    guard.unlock();
    auto made = database::open({.path = path_, .create = false, .read_only = true});
    if (made)
      return std::make_unique<database>(std::move(*made));
    guard.lock();
    --open_;
    changed_.notify_one();
    return made.error();
  }

  void give_back(std::unique_ptr<database> connection) {
    std::lock_guard guard{mutex_};
    idle_.push_back(std::move(connection));
    changed_.notify_one();
  }

  std::string path_;
  size_t max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t open_ = 0;
  std::vector<std::unique_ptr<database>> idle_;
};

/// What the writer thread owns; it outlives the sqlite_file when that is destroyed by one of its
/// own callbacks.
class writer {
public:
  writer(database db, sqlite_file_options options)
    : db_(std::move(db)),
      options_(std::move(options)) {}

  result<void> submit(job x) {
    std::lock_guard guard{mutex_};
    if (closing_)
      return error{errc::refused, "the store is closed", options_.path};
    if (queue_.size() >= options_.queue_max || bytes_ + x.weight > options_.queue_bytes_max)
      return error{errc::rate_limited,
                   "the store's queue is full (" + std::to_string(queue_.size())
                     + " jobs wait); slow down and try again",
                   options_.path};
    bytes_ += x.weight;
    queue_.push_back(std::move(x));
    changed_.notify_one();
    return {};
  }

  void loop() {
    std::vector<job> batch;
    while (take(batch)) {
      run(batch);
      size_t weight = 0;
      for (auto& x : batch)
        weight += x.weight;
      batch.clear();
      std::lock_guard guard{mutex_};
      bytes_ -= weight;
    }
  }

  void close() {
    std::lock_guard guard{mutex_};
    closing_ = true;
    changed_.notify_one();
  }

  void on_commit(std::function<void(database&)> listener) {
    std::lock_guard guard{mutex_};
    listeners_.push_back(std::move(listener));
  }

  sqlite_file_stats stats() const {
    std::lock_guard guard{mutex_};
    auto out = stats_;
    out.waiting = queue_.size();
    return out;
  }

private:
  bool take(std::vector<job>& batch) {
    std::unique_lock guard{mutex_};
    changed_.wait(guard, [this] { return closing_ || !queue_.empty(); });
    while (!queue_.empty() && batch.size() < options_.batch_max) {
      batch.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
    return !batch.empty();
  }

  void run(std::vector<job>& batch) {
    std::vector<result<void>> outcomes(batch.size());
    auto committed = commit_group(batch, outcomes);
    // One job's failure (a full disk, a lost transaction) must not be the others': each gets a
    // transaction of its own.
    if (!committed && batch.size() > 1) {
      note_commit(false);
      for (size_t i = 0; i < batch.size(); ++i) {
        std::vector<result<void>> one(1);
        auto ok = commit_group({&batch[i], 1}, one);
        outcomes[i] = ok ? one[0] : ok;
        if (ok)
          after_commit();
        else
          note_commit(false);
      }
    } else if (committed) {
      after_commit();
    } else {
      note_commit(false);
      outcomes[0] = committed;
    }
    note_outcomes(outcomes);
    for (size_t i = 0; i < batch.size(); ++i) {
      if (batch[i].finished)
        batch[i].finished(std::move(outcomes[i]));
      batch[i].run = nullptr;
      batch[i].finished = nullptr;
    }
    std::lock_guard guard{mutex_};
    stats_.jobs += batch.size();
  }

  /// Fails only when the whole group failed.
  result<void> commit_group(std::span<job> batch, std::vector<result<void>>& outcomes) {
    auto group = transaction::begin(db_);
    if (!group)
      return group.error();
    for (size_t i = 0; i < batch.size(); ++i) {
      if (auto ok = execute_cached(db_, "SAVEPOINT job"); !ok)
        return ok;
      outcomes[i] = guarded(batch[i].run, db_);
      if (!outcomes[i]) {
        db_.reset_cached();
        // The error may have rolled back the whole transaction.
        if (!db_.in_transaction())
          return outcomes[i];
        if (auto ok = execute_cached(db_, "ROLLBACK TO job"); !ok)
          return ok;
      }
      if (auto ok = execute_cached(db_, "RELEASE job"); !ok)
        return ok;
    }
    db_.reset_cached();
    return group->commit();
  }

  void after_commit() {
    std::vector<std::function<void(database&)>> listeners;
    {
      std::lock_guard guard{mutex_};
      ++stats_.commits;
      listeners = listeners_;
    }
    for (auto& listener : listeners)
      listener(db_);
    db_.reset_cached();
  }

  /// What somebody asked for wrongly says nothing about the file.
  void note_outcomes(const std::vector<result<void>>& outcomes) {
    std::lock_guard guard{mutex_};
    for (auto& x : outcomes)
      if (x)
        stats_.last_error.clear();
      else if (x.error().code == errc::storage)
        stats_.last_error = x.error().message;
  }

  void note_commit(bool ok) {
    std::lock_guard guard{mutex_};
    ++(ok ? stats_.commits : stats_.failed_commits);
  }

  database db_;
  sqlite_file_options options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<job> queue_;
  size_t bytes_ = 0;
  bool closing_ = false;
  std::vector<std::function<void(database&)>> listeners_;
  sqlite_file_stats stats_;
};

class sqlite_file_impl : public sqlite_file {
public:
  sqlite_file_impl(database db, sqlite_file_options options)
    : path_(options.path),
      readers_(options.path, std::max<size_t>(options.readers_max, 1)),
      writer_(std::make_shared<writer>(std::move(db), std::move(options))),
      thread_([state = writer_] { state->loop(); }) {}

  ~sqlite_file_impl() override { close(); }

  result<void> migrate(const schema& wanted) override {
    // Before the tables exist nobody writes to them; a connection of its own keeps migrations out
    // of group commits.
    auto db = database::open({.path = path_, .create = false});
    if (!db)
      return db.error();
    return store::migrate(*db, wanted);
  }

  result<void> submit(work run, done callback, size_t weight) override {
    return writer_->submit({std::move(run), std::move(callback), weight});
  }

  result<void> read(const std::function<result<void>(database&)>& run) override {
    return readers_.read(run);
  }

  void on_commit(std::function<void(database&)> listener) override {
    writer_->on_commit(std::move(listener));
  }

  const std::string& path() const override { return path_; }
  sqlite_file_stats stats() const override { return writer_->stats(); }

  void close() override {
    writer_->close();
    std::lock_guard guard{close_mutex_};
    if (!thread_.joinable())
      return;
    if (in_writer_thread())
      thread_.detach();
    else
      thread_.join();
  }

private:
  bool in_writer_thread() const override { return thread_.get_id() == std::this_thread::get_id(); }

  std::string path_;
  reader_pool readers_;
  std::shared_ptr<writer> writer_;
  std::mutex close_mutex_;
  std::thread thread_;
};

} // namespace

result<std::shared_ptr<sqlite_file>> sqlite_file::open(sqlite_file_options options) {
  auto db = database::open({.path = options.path});
  if (!db)
    return db.error();
  options.batch_max = std::max<size_t>(options.batch_max, 1);
  return std::shared_ptr<sqlite_file>{
    std::make_shared<sqlite_file_impl>(std::move(*db), std::move(options))};
}

result<void> sqlite_file::run(work job, size_t weight) {
  COPPICE_ASSERT(!in_writer_thread());
  std::promise<result<void>> answer;
  auto outcome = answer.get_future();
  auto queued = submit(
    std::move(job), [&answer](result<void> x) { answer.set_value(std::move(x)); }, weight);
  if (!queued)
    return queued;
  return outcome.get();
}

} // namespace coppice::store
