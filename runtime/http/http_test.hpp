#pragma once

// What the tests of this module share: a folder, a running server, a raw socket.
#include "runtime/http/listen.hpp"
#include "runtime/http/server.hpp"

#include <catch2/catch_test_macros.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>

namespace coppice::http::test {

using namespace std::chrono_literals;

/// A folder of its own, removed at the end.
class temporary_folder {
public:
  temporary_folder() {
    std::string name = (std::filesystem::temp_directory_path() / "coppice-http-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

/// A thing that another thread waits for.
class latch_flag {
public:
  void set() {
    std::lock_guard guard{mutex_};
    set_ = true;
    changed_.notify_all();
  }
  void clear() {
    std::lock_guard guard{mutex_};
    set_ = false;
  }
  bool wait(std::chrono::milliseconds limit = 10s) {
    std::unique_lock guard{mutex_};
    return changed_.wait_for(guard, limit, [this] { return set_; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

/// Waits until `condition` holds; false after ten seconds.
template <class Condition>
bool eventually(Condition condition) {
  auto until = std::chrono::steady_clock::now() + 10s;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::yield();
  }
  return true;
}

/// A socket without any idea of HTTP.
class raw_socket {
public:
  static raw_socket tcp(uint16_t port) {
    raw_socket out{AF_INET};
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    REQUIRE(::connect(out.fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0);
    return out;
  }

  static raw_socket unix_path(const std::string& path) {
    raw_socket out{AF_UNIX};
    int failed = 0;
    auto target = find_unix_socket(path, failed);
    REQUIRE(failed == 0);
    REQUIRE(::connect(out.fd_.get(), reinterpret_cast<sockaddr*>(&target.address), target.size)
            == 0);
    return out;
  }

  /// False when the server closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      auto n = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0)
        return false;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
    return true;
  }

  void finish_sending() { ::shutdown(fd_.get(), SHUT_WR); }

  /// Everything until the server closes.
  std::string read_all() {
    std::string out;
    while (read_some(out))
      continue;
    return out;
  }

  /// Everything until `end` was seen or the server closes.
  std::string read_until(std::string_view end) {
    std::string out;
    while (out.find(end) == std::string::npos && read_some(out))
      continue;
    return out;
  }

  int fd() const { return fd_.get(); }

private:
  explicit raw_socket(int family) : fd_(::socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}

  bool read_some(std::string& out) {
    pollfd ready{fd_.get(), POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 20000) == 1); // A server that leaves us waiting is a failure.
    char buffer[4096];
    auto n = ::recv(fd_.get(), buffer, sizeof(buffer), 0);
    if (n > 0)
      out.append(buffer, static_cast<size_t>(n));
    return n > 0;
  }

  unique_fd fd_;
};

inline void echo(request what, exchange_ptr answer) {
  answer->respond(text(200, what.method + " " + what.path + " " + what.body));
}

} // namespace coppice::http::test
