#pragma once

#include "runtime/base/result.hpp"

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace pqxx {
class connection;
} // namespace pqxx

namespace coppice::postgres {

/// Connections for whoever reads, at most `max` at a time; who finds none waits. One that broke is replaced once: a server that
/// was restarted costs no error. Threading: thread-safe.
class pool {
public:
  /// Called for each new connection.
  using set_up = std::function<void(pqxx::connection&)>;

  pool(std::string url, size_t max, set_up prepare);
  ~pool();

  /// Runs a job with a connection; it may run twice when the connection breaks, so it must be a read or be the same when
  /// repeated. Errors: errc::unavailable, errc::storage, and those of the job. Blocks.
  result<void> use(const std::function<result<void>(pqxx::connection&)>& job);

private:
  result<std::unique_ptr<pqxx::connection>> take(bool& used);
  void give_back(std::unique_ptr<pqxx::connection> connection);
  result<std::unique_ptr<pqxx::connection>> connect();

  std::string url_;
  size_t max_;
  set_up prepare_;
  std::mutex mutex_;
  std::condition_variable changed_;
  size_t open_ = 0;
  std::vector<std::unique_ptr<pqxx::connection>> idle_;
};

} // namespace coppice::postgres
