#pragma once

// Inside this module only.
#include "runtime/http/engine.hpp"
#include "runtime/http/listen.hpp"

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include <memory>

namespace coppice::http {

/// Takes connections from one listening socket and starts them.
/// Threading: start() and close() post to the engine's threads; one handler at a time.
class acceptor : public std::enable_shared_from_this<acceptor> {
public:
  acceptor(engine& owner, listener from);

  void start();
  void close(); ///< Also removes the socket file.

private:
  void wait();
  void take();
  void adopt(unique_fd fd, const sockaddr_storage& from);
  peer_info describe(int fd, const sockaddr_storage& from) const;

  engine& owner_;
  listener from_;
  asio::strand<asio::io_context::executor_type> strand_;
  asio::posix::stream_descriptor ready_;
  asio::steady_timer pause_;
  bool closed_ = false;
};

} // namespace coppice::http
