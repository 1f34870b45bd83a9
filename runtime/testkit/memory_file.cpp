#include "runtime/testkit/memory_file.hpp"

#include "runtime/testkit/failure.hpp"

namespace coppice::testkit {

namespace {

store::database open_database() {
  auto out = store::database::open({.path = ":memory:"});
  if (!out)
    throw failure{"the store in memory cannot be opened: " + to_string(out.error())};
  return std::move(*out);
}

} // namespace

memory_file::memory_file() : db_(open_database()) {}

result<void> memory_file::migrate(const store::schema& wanted) {
  std::lock_guard guard{mutex_};
  return store::migrate(db_, wanted);
}

result<void> memory_file::submit(work job, done callback, size_t) {
  std::lock_guard guard{mutex_};
  if (closed_)
    return error{errc::refused, "the store is closed", path_, {}};
  waiting_.push_back({std::move(job), std::move(callback)});
  if (working_)
    return {};
  working_ = true;
  while (!waiting_.empty()) {
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    auto outcome = perform(next.job);
    ++stats_.jobs;
    next.callback(std::move(outcome));
  }
  working_ = false;
  return {};
}

result<void> memory_file::perform(const work& job) {
  auto open = store::transaction::begin(db_);
  if (!open)
    return open.error();
  if (auto ok = job(db_); !ok)
    return ok;
  db_.reset_cached();
  if (auto ok = open->commit(); !ok)
    return ok;
  ++stats_.commits;
  for (auto& listener : listeners_)
    listener(db_);
  return {};
}

result<void> memory_file::read(const std::function<result<void>(store::database&)>& job) {
  std::lock_guard guard{mutex_};
  auto out = job(db_);
  db_.reset_cached();
  return out;
}

void memory_file::on_commit(std::function<void(store::database&)> listener) {
  std::lock_guard guard{mutex_};
  listeners_.push_back(std::move(listener));
}

store::sqlite_file_stats memory_file::stats() const {
  std::lock_guard guard{mutex_};
  auto out = stats_;
  out.waiting = waiting_.size();
  return out;
}

void memory_file::close() {
  std::lock_guard guard{mutex_};
  closed_ = true;
}

} // namespace coppice::testkit
