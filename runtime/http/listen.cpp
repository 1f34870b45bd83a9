#include "runtime/http/listen.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <system_error>

namespace coppice::http {

namespace {

// sockaddr_un holds 107 bytes and a terminating zero.
constexpr size_t path_bytes_max = sizeof(sockaddr_un::sun_path) - 1;

std::string reason_of(int code) {
  return std::generic_category().message(code);
}

socklen_t fill(sockaddr_un& out, const std::string& path) {
  out.sun_family = AF_UNIX;
  std::memcpy(out.sun_path, path.c_str(), path.size() + 1);
  return static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
}

struct split_path {
  std::string folder;
  std::string name;
};

split_path split(const std::string& path) {
  auto slash = path.rfind('/');
  if (slash == std::string::npos)
    return {".", path};
  return {slash == 0 ? "/" : path.substr(0, slash), path.substr(slash + 1)};
}

/// Does a process accept connections there?
bool is_live(const std::string& path) {
  int failed = 0;
  auto target = find_unix_socket(path, failed);
  unique_fd probe{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (failed != 0 || !probe)
    return false;
  auto done = ::connect(probe.get(), reinterpret_cast<sockaddr*>(&target.address), target.size);
  return done == 0 || errno == EAGAIN; // EAGAIN: its queue is full.
}

/// Is `path` free, or taken by a socket that nobody listens on?
result<void> check_free(const std::string& path) {
  struct stat found {};
  if (::lstat(path.c_str(), &found) != 0) {
    if (errno == ENOENT)
      return {};
    return error{errc::storage, "the socket's place cannot be looked at: " + reason_of(errno), path,
                 ""};
  }
  if (!S_ISSOCK(found.st_mode))
    return error{errc::in_use, "there is a file here that is not a socket", path,
                 "give another path, or remove the file"};
  if (is_live(path))
    return error{errc::in_use, "another process listens on this socket", path,
                 "give another path, or stop that process"};
  return {};
}

/// Binds under a short name of its own inside `folder`; gives that name.
result<std::string> bind_hidden(int fd, int folder_fd, const split_path& where) {
  for (int attempt = 0; attempt < 100; ++attempt) {
    auto name = "." + std::to_string(::getpid()) + "-" + std::to_string(attempt) + ".sock";
    auto path = where.folder + "/" + name;
    if (path.size() > path_bytes_max)
      path = "/proc/self/fd/" + std::to_string(folder_fd) + "/" + name;
    sockaddr_un address{};
    auto size = fill(address, path);
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0)
      return name;
    if (errno != EADDRINUSE)
      return error{errc::storage, "no socket can be made in this folder: " + reason_of(errno),
                   where.folder, ""};
  }
  return error{errc::storage, "too many abandoned sockets in this folder", where.folder,
               "remove the files .*.sock"};
}

} // namespace

unix_target find_unix_socket(const std::string& path, int& failed) {
  unix_target out;
  failed = 0;
  auto reachable = path;
  if (path.size() > path_bytes_max) {
    out.through = unique_fd{::open(path.c_str(), O_PATH | O_CLOEXEC)};
    if (!out.through) {
      failed = errno;
      return out;
    }
    reachable = "/proc/self/fd/" + std::to_string(out.through.get());
  }
  out.size = fill(out.address, reachable);
  return out;
}

result<listener> listen_unix(const std::string& path) {
  auto where = split(path);
  if (where.name.empty() || path.find('\0') != std::string::npos)
    return error{errc::invalid_config, "a socket's path ends with a file name", path,
                 "/run/coppice/admin.sock"};
  unique_fd folder{::open(where.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (!folder)
    return error{errc::storage, "the socket's folder cannot be opened: " + reason_of(errno),
                 where.folder, "expected an existing folder"};
  // Keeps two starting servers from both finding the same file stale. Somebody else's lock on the
  // folder is no reason to wait or to fail.
  ::flock(folder.get(), LOCK_EX | LOCK_NB);
  if (auto free = check_free(path); !free)
    return std::move(free).error();
  listener out;
  out.kind = peer_kind::unix_socket;
  out.path = path;
  out.fd = unique_fd{::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!out.fd)
    return error{errc::unavailable, "no socket can be made: " + reason_of(errno), path, ""};
  // Linux gives the file the socket's own mode, so it is never open to others, not even for a
  // moment.
  ::fchmod(out.fd.get(), S_IRUSR | S_IWUSR);
  auto name = bind_hidden(out.fd.get(), folder.get(), where);
  if (!name)
    return std::move(name).error();
  auto fail = [&](std::string what) {
    auto code = errno;
    ::unlinkat(folder.get(), name->c_str(), 0);
    return error{errc::storage, std::move(what) + reason_of(code), path, ""};
  };
  struct stat made {};
  if (::fchmodat(folder.get(), name->c_str(), S_IRUSR | S_IWUSR, 0) != 0
      || ::fstatat(folder.get(), name->c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0)
    return fail("the socket's mode cannot be set: ");
  if (::listen(out.fd.get(), SOMAXCONN) != 0)
    return fail("the socket does not listen: ");
  if (::renameat(folder.get(), name->c_str(), folder.get(), where.name.c_str()) != 0)
    return fail("the socket cannot be put in its place: ");
  out.device = made.st_dev;
  out.inode = made.st_ino;
  return out;
}

result<listener> listen_tcp(const tcp_endpoint& where) {
  auto shown = where.host + ":" + std::to_string(where.port);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* list = nullptr;
  auto code = ::getaddrinfo(where.host.empty() ? nullptr : where.host.c_str(),
                            std::to_string(where.port).c_str(), &hints, &list);
  if (code != 0)
    return error{errc::invalid_config,
                 std::string{"this is no address to listen on: "} + ::gai_strerror(code), shown,
                 "127.0.0.1:0"};
  std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner{list, &::freeaddrinfo};
  auto failed = EADDRNOTAVAIL;
  for (auto* each = list; each != nullptr; each = each->ai_next) {
    listener out;
    out.fd = unique_fd{
      ::socket(each->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, each->ai_protocol)};
    int yes = 1;
    if (out.fd)
      ::setsockopt(out.fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
    if (!out.fd || ::bind(out.fd.get(), each->ai_addr, each->ai_addrlen) != 0
        || ::listen(out.fd.get(), SOMAXCONN) != 0) {
      failed = errno;
      continue;
    }
    sockaddr_storage bound{};
    socklen_t size = sizeof(bound);
    ::getsockname(out.fd.get(), reinterpret_cast<sockaddr*>(&bound), &size);
    out.port = ntohs(bound.ss_family == AF_INET6 ? reinterpret_cast<sockaddr_in6&>(bound).sin6_port
                                                 : reinterpret_cast<sockaddr_in&>(bound).sin_port);
    return out;
  }
  if (failed == EADDRINUSE)
    return error{errc::in_use, "another process listens on this port", shown,
                 "give another port; 0 takes any free one"};
  return error{errc::invalid_config, "this address cannot be listened on: " + reason_of(failed),
               shown, "expected an address of this machine, such as 127.0.0.1"};
}

void remove_socket_file(const listener& x) {
  struct stat found {};
  if (!x.path.empty() && ::lstat(x.path.c_str(), &found) == 0 && found.st_dev == x.device
      && found.st_ino == x.inode)
    ::unlink(x.path.c_str());
}

} // namespace coppice::http
