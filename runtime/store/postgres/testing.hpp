#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

namespace coppice::testing {

/// A PostgreSQL server of one's own: a folder, a Unix socket in it and no port. Stopped and removed with its owner. The server
/// refuses to run as root, so a root's test runs it as the user `postgres`.
class postgres_server {
public:
  /// Throws std::runtime_error, with the server's words, when it cannot be made.
  postgres_server();
  ~postgres_server();
  postgres_server(const postgres_server&) = delete;
  postgres_server& operator=(const postgres_server&) = delete;

  /// A connection string.
  std::string url() const;
  /// One whose name is not taken yet.
  std::string new_schema();

  /// Starts it again and waits until it takes connections.
  void start();
  /// kill -9 of all its processes.
  void kill();
  /// Ends it in order, its sessions with it (a fast shutdown).
  void stop();
  /// SIGSTOP and SIGCONT of all its processes: it is there and does not answer.
  void freeze(bool frozen);

  /// Runs one statement as a client of its own.
  void execute(const std::string& sql);

private:
  void signal_all(int number);

  std::string folder_;
  std::string programs_;
  pid_t pid_ = 0;
  int schemas_ = 0;
};

/// One for all tests of a program, started when first asked for.
postgres_server& shared_postgres();

} // namespace coppice::testing
