#pragma once

// Inside this module only.
#include "runtime/http/client.hpp"
#include "runtime/http/transport.hpp"
#include "runtime/http/url.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>

#include <atomic>
#include <chrono>
#include <memory>
#include <vector>

namespace coppice::http {

/// A client's connection to its server, made when needed. Every call blocks up to a deadline.
class client_link {
public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr time_point never = time_point::max();

  client_link(endpoint_url where, const client_options& options);

  /// Connects unless connected. Errors: errc::unavailable, errc::timeout, errc::tls, errc::refused
  /// (cancelled).
  result<void> open(time_point deadline);

  bool is_open() const { return link_ != nullptr; }

  /// Closes when the server did, or sent what nobody asked for.
  void drop_if_stale();

  void close();

  /// Errors: errc::timeout, errc::refused; errc::unavailable when the connection broke.
  result<void> write(std::string_view head, std::string_view body, time_point deadline);

  /// 0 at the end of the stream; errors as write().
  result<size_t> read(char* into, size_t size, time_point deadline);

  /// Any thread.
  void cancel();

  const endpoint_url& where() const { return where_; }

  /// For messages: the URL without its path.
  std::string shown() const;

private:
  /// Runs what was started until `done`, the deadline or a cancel; then closes the socket and runs
  /// it to its end.
  result<void> run(const bool& done, time_point deadline, std::string_view what);

  result<void> open_unix(time_point deadline);
  result<std::vector<asio::ip::tcp::endpoint>> look_up(time_point deadline);
  result<void> open_tcp(time_point deadline);
  result<void> connect_to(const std::string& host, time_point deadline);
  result<void> start_tls(stream_socket socket, time_point deadline);
  result<void> load_tls();

  endpoint_url where_;
  const client_options& options_;
  std::unique_ptr<asio::io_context> io_;
  std::unique_ptr<asio::ssl::context> tls_;
  std::unique_ptr<transport> link_;
  std::function<void()> abandon_;
  std::atomic<bool> cancelled_{false};
};

} // namespace coppice::http
