#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace coppice::events {

/// Looks at COPPICE_NATS_SERVER, $COPPICE_DEPS_PREFIX/bin, `also` and PATH, in that order.
/// Errors: errc::not_found naming the places, errc::refused when every one found is older
/// than 2.10.
result<std::string> find_nats_server(const std::vector<std::string>& also = {});

/// What `nats-server --version` says: `2.10.27`. Blocks for some milliseconds.
result<std::string> nats_server_version(const std::string& binary);

struct nats_server_options {
  std::string binary; ///< Empty: find_nats_server().
  std::string
    folder; ///< Configuration, credentials, log, pid file, JetStream's data; made when missing.
  std::string host = "127.0.0.1";
  int port = 0;                         ///< 0: a free one, kept in the folder and used again.
  std::string sync_interval = "always"; ///< `always`, or a duration such as `2min`.
  int64_t payload_bytes_max = 1 << 20;
  int64_t store_bytes_max = 0; ///< JetStream's disk limit; 0: the server's own default.
  bool authentication = true;  ///< A token made once, kept with mode 0600.
};

/// nats-server as a child process: start, poll and stop, to be driven by whoever supervises it.
/// Threading: thread-safe. The destructor stops the server.
class nats_server {
public:
  enum class state : uint8_t { stopped, starting, ready, died };

  virtual ~nats_server() = default;

  /// Prepares the folder and chooses the port. Errors: errc::storage, errc::not_found,
  /// errc::refused, errc::unavailable (no port); errc::in_use when a server of another process of
  /// ours runs there (its pid is in the message).
  static result<std::unique_ptr<nats_server>> prepare(nats_server_options options);

  /// Starts the process and returns; poll() says when it is ready. A left-over server of ours in
  /// this folder whose starter is gone is taken over instead. Errors: errc::unavailable,
  /// errc::in_use (the port).
  virtual result<void> start() = 0;

  /// What it is doing now. Never blocks for more than some milliseconds.
  virtual state poll() = 0;

  /// start() if need be, then waits until it is ready. Blocks. Errors: errc::timeout or
  /// errc::unavailable with the end of its log.
  virtual result<void> wait_ready(duration deadline) = 0;

  /// SIGTERM, then SIGKILL after `grace`. Blocks. True when it had to be killed.
  virtual bool stop(duration grace = std::chrono::seconds{5}) = 0;

  virtual std::string url() const = 0;          ///< `nats://127.0.0.1:PORT`.
  virtual const std::string& token() const = 0; ///< Empty without authentication.
  virtual std::string token_file() const = 0;
  virtual pid_t pid() const = 0;               ///< 0 when it does not run.
  virtual std::string exit_reason() const = 0; ///< After state::died.
  virtual std::string log_tail(size_t bytes = 2000) const = 0;
};

std::string_view to_string(nats_server::state x);

} // namespace coppice::events
