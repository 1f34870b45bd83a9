#pragma once

// Inside this module only: Asio's types appear here.
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>

#include <array>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio::ssl {
class context;
}

namespace coppice::http {

namespace asio = boost::asio;
using error_code = boost::system::error_code;
using stream_socket = asio::generic::stream_protocol::socket;
using io_callback = std::function<void(error_code, size_t)>;
using write_buffers = std::array<asio::const_buffer, 2>;

/// A connected byte stream: a Unix or TCP socket, bare or under TLS. One read and one write at a
/// time.
/// Threading: as its socket's executor.
class transport {
public:
  virtual ~transport() = default;

  /// Done at once without TLS.
  virtual void handshake(std::function<void(error_code)> then) = 0;
  virtual void read_some(asio::mutable_buffer into, io_callback then) = 0;
  virtual void write_some(const write_buffers& from, io_callback then) = 0;

  /// Says that nothing more will be sent.
  virtual void shutdown(std::function<void()> then) = 0;

  /// Cancels what runs.
  virtual void close() noexcept = 0;

  /// Has the peer closed, or sent what nobody asked for, while the connection lay idle?
  virtual bool is_stale() = 0;

  /// What a failed handshake was about; empty when there is nothing to add.
  virtual std::string tls_failure() const { return {}; }
};

std::unique_ptr<transport> make_plain(stream_socket socket);
std::unique_ptr<transport> make_tls_server(stream_socket socket, asio::ssl::context& context);

/// Checks that the certificate is for `host` (a name or an address) when the context verifies.
std::unique_ptr<transport> make_tls_client(stream_socket socket, asio::ssl::context& context,
                                           const std::string& host);

} // namespace coppice::http
