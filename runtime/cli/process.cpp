#include "runtime/cli/process.hpp"

#include "runtime/base/clock.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <random>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coppice::cli {

namespace {

std::vector<std::string> make_environment(const process_options& how) {
  std::vector<std::string> out;
  for (char** x = environ; *x != nullptr; ++x) {
    std::string line = *x;
    auto name = line.substr(0, line.find('='));
    bool dropped = std::find(how.without.begin(), how.without.end(), name) != how.without.end();
    if (!dropped && how.environment.count(name) == 0)
      out.push_back(std::move(line));
  }
  for (const auto& [name, value] : how.environment)
    out.push_back(name + "=" + value);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& from) {
  std::vector<char*> out;
  for (auto& x : from)
    out.push_back(x.data());
  out.push_back(nullptr);
  return out;
}

bool is_free(uint16_t port) {
  int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0)
    return false;
  int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_port = htons(port);
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bool out =
    ::bind(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0 && ::listen(fd, 1) == 0;
  ::close(fd);
  return out;
}

} // namespace

result<process_ref> start_process(const process_options& how) {
  auto command = how.command;
  auto environment = make_environment(how);
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&files);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, how.output.c_str(),
                                   O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_adddup2(&files, STDOUT_FILENO, STDERR_FILENO);
  // What we were started with, a shell's lock for example, would be held as long as the process runs.
  posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
  sigset_t none;
  sigset_t all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes,
                           POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  pid_t pid = 0;
  int code = ::posix_spawn(&pid, command.front().c_str(), &files, &attributes,
                           pointers(command).data(), pointers(environment).data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  if (code != 0)
    return error{errc::unavailable, std::string{"cannot be started: "} + std::strerror(code),
                 command.front(), ""};
  return process_ref{pid, start_time(pid)};
}

std::optional<std::string> reap(pid_t child) {
  int status = 0;
  if (::waitpid(child, &status, WNOHANG) != child)
    return std::nullopt;
  if (WIFSIGNALED(status))
    return "signal " + std::to_string(WTERMSIG(status));
  return "exit " + std::to_string(WEXITSTATUS(status));
}

bool send_signal(const process_ref& to, int signal) {
  return is_alive(to) && ::kill(to.pid, signal) == 0;
}

std::vector<process_ref> wait_gone(std::vector<process_ref> what, duration limit) {
  auto until = system_clock().monotonic() + limit;
  while (true) {
    std::erase_if(what, [](const process_ref& x) {
      (void)reap(x.pid);
      return !is_alive(x);
    });
    if (what.empty() || system_clock().monotonic() >= until)
      return what;
    ::poll(nullptr, 0, 10);
  }
}

std::optional<std::string> wait_ended(const process_ref& what, duration limit) {
  auto until = system_clock().monotonic() + limit;
  while (true) {
    if (auto how = reap(what.pid))
      return how;
    if (!is_there(what))
      return "ended";
    if (system_clock().monotonic() >= until)
      return std::nullopt;
    ::poll(nullptr, 0, 5);
  }
}

std::string own_executable() {
  std::array<char, 4096> buf{};
  auto n = ::readlink("/proc/self/exe", buf.data(), buf.size() - 1);
  std::string out{buf.data(), static_cast<size_t>(std::max<ssize_t>(n, 0))};
  // Built again meanwhile: what stands there now is the one to start.
  constexpr std::string_view gone = " (deleted)";
  if (out.ends_with(gone) && ::access(out.c_str(), X_OK) != 0)
    out.resize(out.size() - gone.size());
  return out;
}

result<uint16_t> free_port(uint16_t wanted, const std::vector<uint16_t>& taken) {
  auto usable = [&](uint16_t port) {
    return port != 0 && std::find(taken.begin(), taken.end(), port) == taken.end() && is_free(port);
  };
  if (usable(wanted))
    return wanted;
  constexpr uint16_t first = 20000;
  constexpr uint16_t count = 12000; // The system's own range begins at 32768.
  std::random_device random;
  for (int i = 0; i < 200; ++i) {
    auto port = static_cast<uint16_t>(first + random() % count);
    if (usable(port))
      return port;
  }
  return error{errc::in_use, "no free TCP port on 127.0.0.1 between 20000 and 32000", "", ""};
}

std::string file_tail(const std::string& path, size_t bytes) {
  std::ifstream in{path, std::ios::binary | std::ios::ate};
  if (!in)
    return {};
  auto size = static_cast<size_t>(in.tellg());
  auto from = size > bytes ? size - bytes : 0;
  in.seekg(static_cast<std::streamoff>(from));
  std::string out(size - from, '\0');
  in.read(out.data(), static_cast<std::streamsize>(out.size()));
  out.resize(static_cast<size_t>(in.gcount()));
  if (from > 0)
    out.erase(0, out.find('\n') + 1);
  return out;
}

} // namespace coppice::cli
