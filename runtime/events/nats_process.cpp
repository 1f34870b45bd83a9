#include "runtime/events/nats_process.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace coppice::events::detail {

namespace {

std::string reason_of(int code) {
  return std::strerror(code);
}

/// 0 when there is no such process, or it is a zombie.
uint64_t start_time(pid_t pid) {
  auto text = read_file("/proc/" + std::to_string(pid) + "/stat");
  // The second field is a name in parentheses that may hold anything.
  auto end = text.rfind(") ");
  if (end == std::string::npos)
    return 0;
  std::istringstream fields(text.substr(end + 2));
  std::string field;
  fields >> field;
  if (field == "Z" || field == "X")
    return 0;
  // `starttime` is field 22; the state just read was field 3.
  for (int i = 4; i <= 22; ++i)
    fields >> field;
  return std::strtoull(field.c_str(), nullptr, 10);
}

class socket_handle {
public:
  explicit socket_handle(int fd) : fd_(fd) {}
  socket_handle(const socket_handle&) = delete;
  socket_handle& operator=(const socket_handle&) = delete;
  ~socket_handle() {
    if (fd_ >= 0)
      ::close(fd_);
  }
  int get() const { return fd_; }

private:
  int fd_;
};

sockaddr_in address_of(const std::string& host, int port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(static_cast<uint16_t>(port));
  if (::inet_pton(AF_INET, host.c_str(), &out.sin_addr) != 1)
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& x : texts)
    out.push_back(x.data());
  out.push_back(nullptr);
  return out;
}

} // namespace

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

result<void> write_file(const std::string& path, const std::string& text, unsigned mode) {
  auto fresh = path + ".new";
  ::unlink(fresh.c_str());
  auto fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  auto fine = fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size())
              && ::fsync(fd) == 0;
  auto code = errno;
  if (fd >= 0)
    ::close(fd);
  if (fine && ::rename(fresh.c_str(), path.c_str()) == 0)
    return {};
  return error{errc::storage, "cannot be written: " + reason_of(fine ? errno : code), path};
}

process_mark describe(pid_t pid, const std::string&) {
  return {pid, start_time(pid), ::getpid(), start_time(::getpid())};
}

std::string to_text(const process_mark& x) {
  return std::to_string(x.pid) + " " + std::to_string(x.started) + " " + std::to_string(x.starter)
         + " " + std::to_string(x.starter_started) + "\n";
}

std::optional<process_mark> find_running(const std::string& pid_file, const std::string& binary) {
  std::istringstream in(read_file(pid_file));
  process_mark x;
  if (!(in >> x.pid >> x.started >> x.starter >> x.starter_started) || x.pid <= 1)
    return std::nullopt;
  if (x.started == 0 || start_time(x.pid) != x.started)
    return std::nullopt;
  std::error_code failed;
  auto program = std::filesystem::read_symlink("/proc/" + std::to_string(x.pid) + "/exe", failed);
  if (failed || program.filename() != std::filesystem::path{binary}.filename())
    return std::nullopt;
  return x;
}

bool is_orphan(const process_mark& x) {
  return start_time(x.starter) != x.starter_started;
}

bool still_runs(const process_mark& x, bool child, std::string& reason) {
  if (!child) {
    if (start_time(x.pid) == x.started)
      return true;
    reason = "it ended";
    return false;
  }
  int status = 0;
  auto ended = ::waitpid(x.pid, &status, WNOHANG);
  if (ended == 0)
    return true;
  if (ended < 0)
    reason = "it ended";
  else if (WIFSIGNALED(status))
    reason = std::string{"killed by signal "} + std::to_string(WTERMSIG(status)) + " ("
             + ::strsignal(WTERMSIG(status)) + ")";
  else
    reason = "exit status " + std::to_string(WEXITSTATUS(status));
  return false;
}

result<pid_t> spawn(const std::vector<std::string>& command, const std::string& log) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  auto words = command;
  auto arguments = pointers(words);
  pid_t pid = 0;
  auto code =
    ::posix_spawn(&pid, command[0].c_str(), &actions, &attributes, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (code != 0)
    return error{errc::unavailable, "cannot be started: " + reason_of(code), command[0]};
  return pid;
}

result<int> free_port(const std::string& host) {
  socket_handle s{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  auto address = address_of(host, 0);
  socklen_t size = sizeof(address);
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  if (s.get() < 0 || ::bind(s.get(), generic, size) != 0
      || ::getsockname(s.get(), generic, &size) != 0)
    return error{errc::unavailable, "no free port: " + reason_of(errno), host};
  return static_cast<int>(ntohs(address.sin_port));
}

bool greets(const std::string& host, int port) {
  socket_handle s{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  auto address = address_of(host, port);
  // Loopback: connecting either works at once or not at all.
  if (s.get() < 0
      || ::connect(s.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    return false;
  std::string greeting;
  while (greeting.size() < 16'384 && greeting.find("\r\n") == std::string::npos) {
    pollfd readable{s.get(), POLLIN, 0};
    if (::poll(&readable, 1, 200) <= 0)
      return false;
    char chunk[2048];
    auto size = ::recv(s.get(), chunk, sizeof(chunk), 0);
    if (size <= 0)
      return false;
    greeting.append(chunk, static_cast<size_t>(size));
  }
  return greeting.starts_with("INFO ") && greeting.find("\"jetstream\":true") != std::string::npos;
}

result<std::string> output_of(const std::vector<std::string>& command, size_t bytes) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0)
    return error{errc::unavailable, "no pipe: " + reason_of(errno)};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 1);
  posix_spawn_file_actions_adddup2(&actions, ends[1], 2);
  auto words = command;
  auto arguments = pointers(words);
  pid_t pid = 0;
  auto code = ::posix_spawn(&pid, command[0].c_str(), &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string out;
  if (code == 0) {
    char chunk[1024];
    for (ssize_t size = 0;
         out.size() < bytes && (size = ::read(ends[0], chunk, sizeof(chunk))) > 0;)
      out.append(chunk, static_cast<size_t>(size));
  }
  ::close(ends[0]);
  int status = 0;
  if (code == 0)
    ::waitpid(pid, &status, 0);
  if (code != 0)
    return error{errc::unavailable, "cannot be started: " + reason_of(code), command[0]};
  return out;
}

} // namespace coppice::events::detail
