#pragma once

#include "runtime/store/sqlite_file.hpp"

#include <deque>
#include <mutex>
#include <vector>

namespace coppice::testkit {

/// A store in memory whose jobs are done when submit() returns: the same SQL, no thread, no disk.
/// Threading: thread-safe. Ordering: as sqlite_file; a job that is submitted by a callback comes after those that wait.
class memory_file final : public store::sqlite_file {
public:
  memory_file();

  result<void> migrate(const store::schema& wanted) override;
  result<void> submit(work job, done callback, size_t weight) override;
  result<void> read(const std::function<result<void>(store::database&)>& job) override;
  void on_commit(std::function<void(store::database&)> listener) override;
  const std::string& path() const override { return path_; }
  store::sqlite_file_stats stats() const override;
  void close() override;

protected:
  bool in_writer_thread() const override { return false; }

private:
  struct entry {
    work job;
    done callback;
  };

  result<void> perform(const work& job);

  mutable std::recursive_mutex mutex_;
  const std::string path_ = ":memory:";
  store::database db_;
  std::deque<entry> waiting_;
  std::vector<std::function<void(store::database&)>> listeners_;
  store::sqlite_file_stats stats_;
  bool working_ = false;
  bool closed_ = false;
};

} // namespace coppice::testkit
