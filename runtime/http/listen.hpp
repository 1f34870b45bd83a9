#pragma once

#include "runtime/base/result.hpp"
#include "runtime/http/server.hpp"
#include "runtime/http/unique_fd.hpp"

#include <sys/socket.h>
#include <sys/un.h>

#include <cstdint>
#include <string>

namespace coppice::http {

/// A bound, listening, non-blocking socket.
struct listener {
  unique_fd fd;
  peer_kind kind = peer_kind::tcp;
  uint16_t port = 0;
  // Unix sockets: which file is ours, so that nobody else's is removed.
  std::string path;
  uint64_t device = 0;
  uint64_t inode = 0;
};

/// Binds a Unix socket with mode 0600; the file appears at `path` in one step, when it can be
/// connected to. A file that nobody listens on is replaced. Errors: errc::in_use, errc::storage,
/// errc::invalid_config.
result<listener> listen_unix(const std::string& path);

/// Errors: errc::in_use, errc::invalid_config.
result<listener> listen_tcp(const tcp_endpoint& where);

/// Removes a Unix listener's file if it is still the same one.
void remove_socket_file(const listener& x);

/// An address to connect to a Unix socket of any path length; keeps a descriptor when it has to go
/// through /proc/self/fd, so it must live until the connection is made.
struct unix_target {
  sockaddr_un address{};
  socklen_t size = 0;
  unique_fd through;
};

/// `failed` is errno of what went wrong; 0 when nothing did.
unix_target find_unix_socket(const std::string& path, int& failed);

} // namespace coppice::http
