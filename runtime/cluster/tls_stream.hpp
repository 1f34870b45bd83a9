#pragma once

// Internal to link*.cpp.

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>

#include <functional>
#include <memory>
#include <vector>

namespace coppice::cluster {

namespace asio = boost::asio;

/// TLS over a TCP socket in large steps: a system call carries as many TLS records as are ready,
/// where Asio's own stream makes one or two calls for every 16 KiB. Of each kind (handshake or
/// read, write) one operation at a time. Handlers run on the io_context's thread, never inside the
/// call that begins the operation.
class tls_stream : public std::enable_shared_from_this<tls_stream> {
public:
  using error_code = boost::system::error_code;
  using handler = std::function<void(const error_code&, size_t)>;

  tls_stream(asio::ip::tcp::socket socket, asio::ssl::context& context);
  ~tls_stream();
  tls_stream(const tls_stream&) = delete;
  tls_stream& operator=(const tls_stream&) = delete;

  /// After an error what there is to say to the other side (the alert) was sent first.
  void handshake(bool client, handler done);

  /// At least one byte, otherwise what is there.
  void read_some(void* to, size_t size, handler done);
  void read_exactly(void* to, size_t size, handler done);

  /// All of it, as far as the kernel's buffer. The memory is free again when this returns.
  void write(const void* from, size_t size, handler done);

  /// Unfinished operations end with an error.
  void close();

  asio::ip::tcp::socket& socket() { return socket_; }
  SSL* native_handle() { return tls_; }

private:
  struct bio;

  void shake_hands();
  void receive(std::function<void(const error_code&)> next);
  void send();
  void read_on(bool fresh);
  void finish_read(const error_code& code, bool fresh);
  error_code reason(int result);

  asio::ip::tcp::socket socket_;
  SSL* tls_;
  std::vector<char> in_; ///< Received and not yet decrypted.
  size_t in_pos_ = 0;
  size_t in_size_ = 0;
  std::vector<char> out_;     ///< Encrypted and not yet given to the socket.
  std::vector<char> sending_; ///< With the socket at this moment.
  bool is_sending_ = false;

  char* read_to_ = nullptr;
  size_t read_size_ = 0;
  size_t read_have_ = 0;
  bool read_all_ = false;
  handler on_read_;
  handler on_write_;
  size_t write_size_ = 0;
  handler on_handshake_;
  error_code handshake_error_;
};

} // namespace coppice::cluster
