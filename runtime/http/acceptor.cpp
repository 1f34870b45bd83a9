#include "runtime/http/acceptor.hpp"

#include "runtime/http/connection.hpp"

#include <boost/asio/post.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>

namespace coppice::http {

namespace {

constexpr int accepts_at_once = 64;
constexpr auto pause_without_descriptors = std::chrono::milliseconds{50};

std::string show(const sockaddr_storage& from) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (from.ss_family == AF_INET6) {
    auto& address = reinterpret_cast<const sockaddr_in6&>(from);
    ::inet_ntop(AF_INET6, &address.sin6_addr, text.data(), text.size());
    return "[" + std::string{text.data()} + "]:" + std::to_string(ntohs(address.sin6_port));
  }
  auto& address = reinterpret_cast<const sockaddr_in&>(from);
  ::inet_ntop(AF_INET, &address.sin_addr, text.data(), text.size());
  return std::string{text.data()} + ":" + std::to_string(ntohs(address.sin_port));
}

/// Best effort and without waiting: the client may not even have sent its request.
void turn_away(int fd) {
  auto answer = problem(
    {errc::unavailable, "this server has as many connections as it takes", "", "try again later"});
  auto bytes = format_head(answer, {.keep_alive = false}) + answer.body;
  [[maybe_unused]] auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  ::shutdown(fd, SHUT_WR);
  std::array<char, 4096> rest;
  while (::recv(fd, rest.data(), rest.size(), MSG_DONTWAIT) == static_cast<ssize_t>(rest.size()))
    continue;
}

} // namespace

acceptor::acceptor(engine& owner, listener from)
  : owner_(owner),
    from_(std::move(from)),
    strand_(asio::make_strand(owner.io)),
    ready_(strand_, from_.fd.release()),
    pause_(strand_) {}

void acceptor::start() {
  asio::post(strand_, [self = shared_from_this()] { self->wait(); });
}

void acceptor::close() {
  asio::post(strand_, [self = shared_from_this()] {
    if (std::exchange(self->closed_, true))
      return;
    // First the file, so that a new server can take its place, then the socket.
    remove_socket_file(self->from_);
    error_code ignored;
    self->ready_.close(ignored);
    self->pause_.cancel();
  });
}

void acceptor::wait() {
  if (closed_)
    return;
  ready_.async_wait(asio::posix::stream_descriptor::wait_read,
                    [self = shared_from_this()](error_code failed) {
                      if (!failed && !self->closed_)
                        self->take();
                    });
}

void acceptor::take() {
  for (int i = 0; i < accepts_at_once; ++i) {
    sockaddr_storage from{};
    socklen_t size = sizeof(from);
    unique_fd fd{::accept4(ready_.native_handle(), reinterpret_cast<sockaddr*>(&from), &size,
                           SOCK_NONBLOCK | SOCK_CLOEXEC)};
    if (fd) {
      adopt(std::move(fd), from);
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
      break;
    if (errno == EINTR || errno == ECONNABORTED)
      continue;
    // Out of descriptors or memory: the queue keeps the client until some are free again.
    pause_.expires_after(pause_without_descriptors);
    pause_.async_wait([self = shared_from_this()](error_code) { self->wait(); });
    return;
  }
  wait();
}

peer_info acceptor::describe(int fd, const sockaddr_storage& from) const {
  peer_info out{.kind = from_.kind};
  if (from_.kind == peer_kind::tcp) {
    out.secure = owner_.tls.has_value();
    out.remote = show(from);
    return out;
  }
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0) {
    out.uid = peer.uid;
    out.remote = "uid:" + std::to_string(peer.uid) + " pid:" + std::to_string(peer.pid);
  }
  return out;
}

void acceptor::adopt(unique_fd fd, const sockaddr_storage& from) {
  auto peer = describe(fd.get(), from);
  auto family = static_cast<int>(from.ss_family);
  if (from_.kind == peer_kind::tcp) {
    int yes = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  } else {
    family = AF_UNIX;
  }
  if (!owner_.make_room(from_.kind)) {
    turn_away(fd.get());
    return;
  }
  auto strand = asio::make_strand(owner_.io);
  stream_socket socket{strand, {family, 0}, fd.get()};
  fd.release();
  auto link =
    peer.secure ? make_tls_server(std::move(socket), *owner_.tls) : make_plain(std::move(socket));
  auto made = std::make_shared<connection>(owner_, std::move(link), strand, std::move(peer));
  if (owner_.add(made))
    made->start();
}

} // namespace coppice::http
