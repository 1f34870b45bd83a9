#include "runtime/http/client_link.hpp"

#include "runtime/http/listen.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>

#include <netdb.h>

#include <condition_variable>
#include <cstring>
#include <mutex>
#include <system_error>
#include <thread>

namespace coppice::http {

namespace {

using steady = std::chrono::steady_clock;
using tcp = asio::ip::tcp;

std::string words_for(int code) {
  return std::generic_category().message(code);
}

error broken(const error_code& failed, const std::string& at) {
  return {errc::unavailable, "the connection broke: " + failed.message(), at, ""};
}

} // namespace

client_link::client_link(endpoint_url where, const client_options& options)
  : where_(std::move(where)),
    options_(options),
    io_(std::make_unique<asio::io_context>(1)) {}

std::string client_link::shown() const {
  if (where_.kind == endpoint_url::scheme::unix_socket)
    return "unix://" + where_.path;
  return (where_.kind == endpoint_url::scheme::https ? "https://" : "http://") + where_.authority();
}

result<void> client_link::run(const bool& done, time_point deadline, std::string_view what) {
  io_->restart();
  auto stop = [&] {
    if (abandon_)
      abandon_();
    io_->restart();
    while (!done && io_->run_one() > 0)
      continue;
  };
  while (!done) {
    if (cancelled_.exchange(false)) {
      stop();
      return error{errc::refused, "cancelled", shown(), ""};
    }
    if (deadline == never) {
      io_->run_one();
    } else if (io_->run_one_until(deadline) == 0 && !done && steady::now() >= deadline) {
      stop();
      return error{errc::timeout, "time ran out while " + std::string{what}, shown(), ""};
    }
    if (io_->stopped())
      io_->restart();
  }
  return {};
}

void client_link::cancel() {
  cancelled_ = true;
  asio::post(*io_, [] {});
}

void client_link::close() {
  if (link_)
    link_->close();
  link_.reset();
  abandon_ = nullptr;
}

void client_link::drop_if_stale() {
  if (link_ && link_->is_stale())
    close();
}

result<void> client_link::open(time_point deadline) {
  if (link_)
    return {};
  deadline = std::min(deadline, steady::now() + options_.connect_timeout);
  auto done =
    where_.kind == endpoint_url::scheme::unix_socket ? open_unix(deadline) : open_tcp(deadline);
  if (!done) {
    close();
    return done;
  }
  abandon_ = [this] { link_->close(); };
  return {};
}

result<void> client_link::open_unix(time_point deadline) {
  unique_fd fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  for (;;) {
    int failed = 0;
    auto target = find_unix_socket(where_.path, failed);
    if (failed == 0
        && ::connect(fd.get(), reinterpret_cast<sockaddr*>(&target.address), target.size) != 0)
      failed = errno;
    if (failed == 0)
      break;
    if (failed == ENOENT)
      return error{errc::unavailable, "there is no socket at this path", shown(),
                   "expected the socket of a running node"};
    if (failed == ECONNREFUSED)
      return error{errc::unavailable, "nobody listens on this socket: its process has ended",
                   shown(), "start it again"};
    if (failed == EACCES || failed == EPERM)
      return error{errc::unavailable, "this socket belongs to another user", shown(),
                   "expected the user who runs the node"};
    if (failed != EAGAIN)
      return error{errc::unavailable, "the socket cannot be connected to: " + words_for(failed),
                   shown(), ""};
    // Its queue of connections is full.
    asio::steady_timer timer{*io_, std::chrono::milliseconds{5}};
    bool waited = false;
    timer.async_wait([&waited](error_code) { waited = true; });
    abandon_ = [&timer] { timer.cancel(); };
    if (auto done = run(waited, deadline, "connecting"); !done)
      return done;
  }
  link_ = make_plain(stream_socket{*io_, {AF_UNIX, 0}, fd.get()});
  fd.release();
  return {};
}

result<std::vector<tcp::endpoint>> client_link::look_up(time_point deadline) {
  // A look-up cannot be interrupted: its thread may outlive this call, and Asio's resolver would
  // wait for it.
  struct answer {
    std::mutex mutex;
    std::condition_variable changed;
    bool done = false;
    int failed = 0;
    std::vector<tcp::endpoint> endpoints;
  };
  auto shared = std::make_shared<answer>();
  std::thread{[shared, host = where_.host, port = where_.port] {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    addrinfo* list = nullptr;
    auto failed = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
    std::lock_guard guard{shared->mutex};
    for (auto* each = list; each != nullptr; each = each->ai_next) {
      tcp::endpoint next;
      if (each->ai_addrlen > next.capacity())
        continue;
      std::memcpy(next.data(), each->ai_addr, each->ai_addrlen);
      next.resize(each->ai_addrlen);
      next.port(port);
      shared->endpoints.push_back(next);
    }
    if (list != nullptr)
      ::freeaddrinfo(list);
    shared->failed = failed;
    shared->done = true;
    shared->changed.notify_all();
  }}.detach();
  std::unique_lock guard{shared->mutex};
  while (!shared->done) {
    if (cancelled_.exchange(false))
      return error{errc::refused, "cancelled", shown(), ""};
    auto now = steady::now();
    if (now >= deadline)
      return error{errc::timeout, "time ran out while looking up the name", shown(), ""};
    // Short rounds, because cancel() wakes only the I/O context.
    shared->changed.wait_until(guard, std::min(deadline, now + std::chrono::milliseconds{50}));
  }
  if (shared->failed != 0 || shared->endpoints.empty())
    return error{errc::unavailable,
                 std::string{"the host's name is not known: "} + ::gai_strerror(shared->failed),
                 shown(), "expected a name or an address of a running server"};
  return std::move(shared->endpoints);
}

result<void> client_link::open_tcp(time_point deadline) {
  error_code failed;
  std::vector<tcp::endpoint> endpoints;
  auto literal = asio::ip::make_address(where_.host, failed);
  if (!failed) {
    endpoints.emplace_back(literal, where_.port);
  } else {
    auto found = look_up(deadline);
    if (!found)
      return std::move(found).error();
    endpoints = *std::move(found);
  }
  tcp::socket socket{*io_};
  bool done = false;
  asio::async_connect(socket, endpoints, [&](error_code code, const tcp::endpoint&) {
    done = true;
    failed = code;
  });
  abandon_ = [&socket] {
    error_code ignored;
    socket.close(ignored);
  };
  if (auto ran = run(done, deadline, "connecting"); !ran)
    return ran;
  if (failed)
    return error{errc::unavailable, "nobody answers at this address: " + failed.message(), shown(),
                 "expected the address of a running server"};
  socket.set_option(tcp::no_delay{true}, failed);
  stream_socket plain{std::move(socket)};
  if (where_.kind == endpoint_url::scheme::https)
    return start_tls(std::move(plain), deadline);
  link_ = make_plain(std::move(plain));
  return {};
}

result<void> client_link::load_tls() {
  auto failure = [](const error_code& failed, std::string what, const std::string& file) {
    return error{errc::tls, std::move(what) + ": " + failed.message(), file, "expected a PEM file"};
  };
  auto made = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  error_code failed;
  using ssl = asio::ssl::context;
  made->set_options(ssl::default_workarounds | ssl::no_sslv2 | ssl::no_sslv3 | ssl::no_tlsv1
                      | ssl::no_tlsv1_1,
                    failed);
  made->set_verify_mode(options_.verify_peer ? asio::ssl::verify_peer : asio::ssl::verify_none,
                        failed);
  if (!options_.ca_file.empty())
    made->load_verify_file(options_.ca_file, failed);
  else if (options_.verify_peer)
    made->set_default_verify_paths(failed);
  if (failed)
    return failure(failed, "the certificate authority cannot be used", options_.ca_file);
  if (!options_.certificate_file.empty()) {
    made->use_certificate_chain_file(options_.certificate_file, failed);
    if (failed)
      return failure(failed, "the certificate cannot be used", options_.certificate_file);
    made->use_private_key_file(options_.key_file, ssl::pem, failed);
    if (failed)
      return failure(failed, "the key cannot be used", options_.key_file);
  }
  tls_ = std::move(made);
  return {};
}

result<void> client_link::start_tls(stream_socket socket, time_point deadline) {
  if (!tls_) {
    if (auto loaded = load_tls(); !loaded)
      return loaded;
  }
  link_ = make_tls_client(std::move(socket), *tls_, where_.host);
  bool done = false;
  error_code failed;
  link_->handshake([&](error_code code) {
    done = true;
    failed = code;
  });
  abandon_ = [this] { link_->close(); };
  if (auto ran = run(done, deadline, "the TLS handshake"); !ran)
    return ran;
  if (!failed)
    return {};
  auto why = link_->tls_failure();
  return error{errc::tls, "the TLS handshake failed: " + (why.empty() ? failed.message() : why),
               shown(),
               why.empty() ? "a server that speaks TLS here"
                           : "the authority that signed the server's certificate, and its name"};
}

result<void> client_link::write(std::string_view head, std::string_view body, time_point deadline) {
  size_t sent = 0;
  while (sent < head.size() + body.size()) {
    auto first = std::min(sent, head.size());
    write_buffers rest{asio::buffer(head) + first, asio::buffer(body) + (sent - first)};
    bool done = false;
    error_code failed;
    link_->write_some(rest, [&](error_code code, size_t n) {
      done = true;
      failed = code;
      sent += n;
    });
    if (auto ran = run(done, deadline, "sending the request"); !ran)
      return ran;
    if (failed)
      return broken(failed, shown());
  }
  return {};
}

result<size_t> client_link::read(char* into, size_t size, time_point deadline) {
  bool done = false;
  error_code failed;
  size_t got = 0;
  link_->read_some(asio::buffer(into, size), [&](error_code code, size_t n) {
    done = true;
    failed = code;
    got = n;
  });
  if (auto ran = run(done, deadline, "waiting for the answer"); !ran)
    return std::move(ran).error();
  if (failed == asio::error::eof)
    return size_t{0};
  // With TLS 1.3 a refused client certificate shows only now.
  if (failed && failed.category() == asio::error::get_ssl_category())
    return error{errc::tls, "the TLS connection failed: " + failed.message(), shown(), ""};
  if (failed)
    return broken(failed, shown());
  return got;
}

} // namespace coppice::http
