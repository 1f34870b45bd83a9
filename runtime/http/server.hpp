#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/http/router.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace coppice::http {

/// An address to listen on. Port 0: any free one.
struct tcp_endpoint {
  /// A numeric address or a name that this machine resolves to its own.
  std::string host = "127.0.0.1";
  uint16_t port = 0;
};

/// PEM files.
struct tls_files {
  std::string certificate; ///< The chain, own certificate first.
  std::string key;
  std::string client_ca = {}; ///< When set, clients must show a certificate of this authority.
};

/// What the server did with one request; for the access log and metrics.
struct access_record {
  std::string method;
  std::string target;
  std::string pattern; ///< The route's; empty when none matched.
  std::string remote;
  std::string who;
  int status = 0;
  duration elapsed{}; ///< From the end of the header to the handover of the answer.
};

struct server_options {
  /// Empty: none. Mode 0600. Any length up to PATH_MAX.
  std::string unix_path = {};
  std::optional<tcp_endpoint> tcp = std::nullopt;
  std::optional<tls_files> tls = std::nullopt; ///< For the TCP endpoint.

  size_t body_bytes_max = 1024 * 1024; ///< Larger: 413, the rest is not read.
  size_t header_bytes_max = 16 * 1024; ///< Larger: 431.
  /// Over TCP, and as many again over the Unix socket. When all over TCP are in use, the one that has
  /// kept the server waiting longest - for a whole request, or to take an answer - is closed for the
  /// new one; when there is none, and on the Unix socket, the new one gets 503 and is closed.
  size_t connections_max = 512;
  size_t stream_buffer_bytes_max = 1024 * 1024; ///< What may wait for one slow reader of a stream.

  /// From the first byte to the end of the header, TLS handshake too.
  duration header_timeout = std::chrono::seconds{10};
  /// From the header to the last byte of the body.
  duration body_timeout = std::chrono::seconds{30};
  duration idle_timeout = std::chrono::seconds{60};  ///< Between two requests of a connection.
  duration write_timeout = std::chrono::seconds{30}; ///< Without any progress of an answer.
  /// From the last byte of the body to the answer; then 504.
  duration request_deadline = std::chrono::seconds{30};
  duration stream_keep_alive = std::chrono::seconds{15};

  size_t threads = 1;

  /// Says who the caller is, from header and peer (the body is not there yet). An error refuses
  /// routes that need a role, with 401 or as its code says; routes that need none are served
  /// regardless. Absent: same_user() peers are admin, all others have no role. Called on server
  /// threads; must not block or throw.
  std::function<result<identity>(const request&)> authenticate = nullptr;

  /// Called on a server thread after each answer (a stream: when it begins); must not block or
  /// throw.
  std::function<void(const access_record&)> on_request = nullptr;
};

/// Did this request come over the Unix socket from root or from the user that this process runs as?
bool same_user(const request& what);

struct server_stats {
  size_t connections = 0;             ///< Open now.
  size_t streams = 0;                 ///< Open now.
  uint64_t requests = 0;              ///< With a complete header, since the start.
  uint64_t bad_requests = 0;          ///< Bytes that were no acceptable HTTP.
  uint64_t refused_connections = 0;   ///< Over connections_max.
  uint64_t displaced_connections = 0; ///< Closed to make room for a new one.
  uint64_t slow_streams = 0;          ///< Closed because the reader was too slow.
};

/// HTTP/1.1 on a Unix socket, on TCP, or on both, with threads of its own.
/// Threading: every member may be called from any thread but the server's own.
class server {
public:
  server(server_options options, router routes);
  ~server(); ///< Stops at once.
  server(server&&) noexcept;
  server& operator=(server&&) noexcept;

  /// Binds and begins to serve. Gives the TCP port (0 without TCP).
  /// Errors: errc::in_use (a live socket or a taken port), errc::tls (certificate files),
  /// errc::invalid_config (nothing to listen on, an address that is not ours), errc::storage (the
  /// socket's folder).
  result<uint16_t> start();

  /// Takes no new connections, closes idle ones, lets requests and answers in progress end within
  /// `limit`, ends streams in order, then closes the rest and removes the socket file. True when
  /// nothing had to be cut off. Idempotent.
  bool stop(duration limit = std::chrono::seconds{5});

  /// The TCP port in use; 0 before start() and without TCP.
  uint16_t port() const;
  server_stats stats() const;

private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

} // namespace coppice::http
