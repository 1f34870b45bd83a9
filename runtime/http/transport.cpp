#include "runtime/http/transport.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>

#include <sys/socket.h>

namespace coppice::http {

namespace {

bool has_input_or_eof(int fd) {
  char byte;
  auto n = ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
  return n >= 0 || (errno != EAGAIN && errno != EWOULDBLOCK);
}

class plain_transport final : public transport {
public:
  explicit plain_transport(stream_socket socket) : socket_(std::move(socket)) {}

  void handshake(std::function<void(error_code)> then) override {
    asio::post(socket_.get_executor(), [then = std::move(then)] { then({}); });
  }

  void read_some(asio::mutable_buffer into, io_callback then) override {
    socket_.async_read_some(into, std::move(then));
  }

  void write_some(const write_buffers& from, io_callback then) override {
    socket_.async_write_some(from, std::move(then));
  }

  void shutdown(std::function<void()> then) override {
    error_code ignored;
    socket_.shutdown(asio::socket_base::shutdown_send, ignored);
    asio::post(socket_.get_executor(), std::move(then));
  }

  void close() noexcept override {
    error_code ignored;
    socket_.close(ignored);
  }

  bool is_stale() override { return has_input_or_eof(socket_.native_handle()); }

private:
  stream_socket socket_;
};

class tls_transport final : public transport {
public:
  using side = asio::ssl::stream_base::handshake_type;

  tls_transport(stream_socket socket, asio::ssl::context& context, side who)
    : stream_(std::move(socket), context),
      side_(who) {}

  /// Sends the name and has the library check it against the certificate.
  void expect(const std::string& host) {
    error_code failed;
    asio::ip::make_address(host, failed);
    auto* handle = stream_.native_handle();
    auto* parameters = SSL_get0_param(handle);
    if (failed) {
      SSL_set_tlsext_host_name(handle, host.c_str());
      X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size());
    } else {
      X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str());
    }
  }

  void handshake(std::function<void(error_code)> then) override {
    stream_.async_handshake(side_, std::move(then));
  }

  void read_some(asio::mutable_buffer into, io_callback then) override {
    stream_.async_read_some(into, [then = std::move(then)](error_code failed, size_t n) {
      // A peer that leaves without close_notify: HTTP's own lengths tell whether anything is
      // missing.
      then(failed == asio::ssl::error::stream_truncated ? asio::error::eof : failed, n);
    });
  }

  void write_some(const write_buffers& from, io_callback then) override {
    stream_.async_write_some(from, std::move(then));
  }

  void shutdown(std::function<void()> then) override {
    stream_.async_shutdown([then = std::move(then)](error_code) { then(); });
  }

  void close() noexcept override {
    error_code ignored;
    stream_.lowest_layer().close(ignored);
  }

  bool is_stale() override {
    // Session tickets arrive unasked for, so only the end of the stream counts.
    auto fd = stream_.lowest_layer().native_handle();
    char byte;
    return ::recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
  }

  std::string tls_failure() const override {
    auto* handle = const_cast<tls_transport*>(this)->stream_.native_handle();
    auto verdict = SSL_get_verify_result(handle);
    return verdict == X509_V_OK ? std::string{} : X509_verify_cert_error_string(verdict);
  }

private:
  asio::ssl::stream<stream_socket> stream_;
  side side_;
};

} // namespace

std::unique_ptr<transport> make_plain(stream_socket socket) {
  return std::make_unique<plain_transport>(std::move(socket));
}

std::unique_ptr<transport> make_tls_server(stream_socket socket, asio::ssl::context& context) {
  return std::make_unique<tls_transport>(std::move(socket), context,
                                         asio::ssl::stream_base::server);
}

std::unique_ptr<transport> make_tls_client(stream_socket socket, asio::ssl::context& context,
                                           const std::string& host) {
  auto out =
    std::make_unique<tls_transport>(std::move(socket), context, asio::ssl::stream_base::client);
  out->expect(host);
  return out;
}

} // namespace coppice::http
