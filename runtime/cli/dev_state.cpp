#include "runtime/cli/dev_state.hpp"

#include "runtime/cli/fields.hpp"
#include "runtime/json/value.hpp"

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coppice::cli {

namespace {

struct stat_line {
  char state = 0;
  uint64_t flags = 0;
  uint64_t start = 0;
};

std::optional<stat_line> read_stat(pid_t pid) {
  std::ifstream in{"/proc/" + std::to_string(pid) + "/stat"};
  std::string line;
  if (pid <= 0 || !std::getline(in, line))
    return std::nullopt;
  auto end = line.rfind(')'); // The name in front may hold anything, blanks and brackets included.
  if (end == std::string::npos || end + 2 >= line.size())
    return std::nullopt;
  stat_line out;
  out.state = line[end + 2];
  size_t at = end + 2;
  for (int field = 3; field < 22; ++field) {
    at = line.find(' ', at);
    if (at == std::string::npos)
      return std::nullopt;
    ++at;
    if (field == 8)
      out.flags = std::strtoull(line.c_str() + at, nullptr, 10);
  }
  out.start = std::strtoull(line.c_str() + at, nullptr, 10);
  return out;
}

/// A set of signals out of /proc/PID/status.
uint64_t signal_set(const std::string& status, std::string_view name) {
  auto at = status.find(name);
  return at == std::string::npos ? 0
                                 : std::strtoull(status.c_str() + at + name.size(), nullptr, 16);
}

json::value to_json(const process_ref& x) {
  return json::object{{"pid", x.pid}, {"start", x.start}};
}

process_ref process_from(const json::value* x) {
  if (x == nullptr)
    return {};
  return {static_cast<pid_t>(number_or(*x, "pid")), static_cast<uint64_t>(number_or(*x, "start"))};
}

error storage_error(const std::string& path, std::string_view what) {
  return {errc::storage, std::string{what} + ": " + std::strerror(errno), path, ""};
}

} // namespace

uint64_t start_time(pid_t pid) {
  auto x = read_stat(pid);
  return x ? x->start : 0;
}

process_ref self_process() {
  return {getpid(), start_time(getpid())};
}

bool is_alive(const process_ref& x) {
  auto now = read_stat(x.pid);
  return now && now->state != 'Z' && now->state != 'X' && now->start == x.start;
}

bool is_dying(const process_ref& x) {
  if (!is_alive(x))
    return false;
  constexpr uint64_t exiting = 0x4; // PF_EXITING of the kernel.
  constexpr uint64_t killed = uint64_t{1} << (SIGKILL - 1);
  auto now = read_stat(x.pid);
  std::ifstream in{"/proc/" + std::to_string(x.pid) + "/status"};
  std::string status{std::istreambuf_iterator<char>{in}, {}};
  return !now || (now->flags & exiting) != 0
         || ((signal_set(status, "SigPnd:\t") | signal_set(status, "ShdPnd:\t")) & killed) != 0;
}

bool is_there(const process_ref& x) {
  auto now = read_stat(x.pid);
  if (!now || now->start != x.start)
    return false;
  if (now->state != 'Z' && now->state != 'X')
    return true;
  std::error_code code;
  std::filesystem::directory_iterator threads{"/proc/" + std::to_string(x.pid) + "/task", code};
  return !code && std::distance(begin(threads), end(threads)) > 1;
}

bool was_called_with(const process_ref& x, std::string_view word) {
  if (!is_alive(x))
    return false;
  std::ifstream file{"/proc/" + std::to_string(x.pid) + "/cmdline", std::ios::binary};
  for (std::string now; std::getline(file, now, '\0');)
    if (now == word)
      return true;
  return false;
}

dev_node* dev_cluster::find(std::string_view name) {
  for (auto& x : nodes)
    if (x.name == name)
      return &x;
  return nullptr;
}

std::string cluster_file(const std::string& folder) {
  return folder + "/cluster.json";
}

std::string marker_file(const std::string& folder) {
  return folder + "/.coppice";
}

std::string grace_file(const std::string& folder) {
  return folder + "/down.grace";
}

std::string killed_file(const std::string& folder) {
  return folder + "/down.json";
}

result<void> make_marker(const std::string& folder) {
  auto path = marker_file(folder);
  int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
    return errno == EEXIST ? result<void>{}
                           : result<void>{storage_error(path, "cannot be written")};
  constexpr std::string_view text = "A data folder of Coppice. `up --fresh` may delete it.\n";
  auto written = ::write(file, text.data(), text.size());
  auto out = written < 0 ? result<void>{storage_error(path, "cannot be written")} : result<void>{};
  ::close(file);
  return out;
}

result<folder_lock> folder_lock::take(const std::string& folder, lock_kind kind) {
  auto path = marker_file(folder);
  auto flags = (kind == lock_kind::shared ? O_RDONLY : O_RDWR) | O_CLOEXEC;
  folder_lock out{::open(path.c_str(), flags)};
  if (out.file_ < 0)
    return storage_error(path, "cannot be opened");
  if (!take_lock(out.file_, kind))
    return error{errc::in_use, "another `up` or `down` is under way", folder, ""};
  return out;
}

folder_lock::folder_lock(folder_lock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

folder_lock& folder_lock::operator=(folder_lock&& other) noexcept {
  std::swap(file_, other.file_);
  return *this;
}

void folder_lock::release() {
  if (auto file = std::exchange(file_, -1); file >= 0)
    ::close(file);
}

std::optional<lock_kind> folder_lock::of_others(const std::string& folder) {
  int file = ::open(marker_file(folder).c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    return std::nullopt;
  auto out = lock_of_others(file);
  ::close(file);
  return out;
}

result<std::string> read_text(std::istream& in) {
  std::string out;
  std::array<char, 65536> part;
  while (in.read(part.data(), part.size()) || in.gcount() > 0) {
    out.append(part.data(), static_cast<size_t>(in.gcount()));
    if (out.size() > text_bytes_max)
      return error{errc::too_large, "has more than 64 MiB", "", ""};
  }
  return out;
}

result<std::string> read_text_file(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  if (!in)
    return storage_error(path, "cannot be read");
  auto out = read_text(in);
  if (!out)
    return error{out.error().code, out.error().message, path, ""};
  if (in.bad())
    return storage_error(path, "cannot be read");
  return out;
}

result<void> write_text_file(const std::string& path, const std::string& text) {
  auto temporary = path + ".new";
  int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0)
    return storage_error(path, "cannot be written");
  std::string_view rest = text;
  while (!rest.empty()) {
    auto n = ::write(fd, rest.data(), rest.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n < 0) {
      auto reason = storage_error(path, "cannot be written");
      ::close(fd);
      return reason;
    }
    rest.remove_prefix(static_cast<size_t>(n));
  }
  ::close(fd);
  if (::rename(temporary.c_str(), path.c_str()) != 0)
    return storage_error(path, "cannot be replaced");
  return {};
}

result<std::optional<dev_cluster>> read_cluster(const std::string& folder) {
  auto path = cluster_file(folder);
  if (::access(path.c_str(), F_OK) != 0)
    return std::optional<dev_cluster>{};
  auto raw = read_text_file(path);
  if (!raw)
    return raw.error();
  auto parsed = json::parse(*raw);
  if (!parsed)
    return error{errc::storage,
                 "is damaged: " + parsed.error().message + "; remove it, or `up --fresh`", path,
                 ""};
  dev_cluster out;
  out.data = folder;
  out.config = text(*parsed, "config");
  out.watcher = process_from(cli::find(*parsed, "watcher"));
  out.respawn = is_true(*parsed, "respawn");
  out.answered = text(*parsed, "answered");
  if (const auto* problem = cli::find(*parsed, "problem"))
    out.problem = error_from(*problem);
  for (const auto& x : items(*parsed, "nodes"))
    out.nodes.push_back({text(x, "name"), process_from(&x), text(x, "socket"), text(x, "admin_url"),
                         text(x, "log"), static_cast<uint16_t>(number_or(x, "link_port")),
                         static_cast<uint16_t>(number_or(x, "admin_port")), text(x, "exit")});
  if (const auto* nats = cli::find(*parsed, "nats")) {
    out.nats_url = text(*nats, "url");
    out.nats = process_from(nats);
  }
  return std::optional<dev_cluster>{std::move(out)};
}

result<void> write_cluster(const dev_cluster& x) {
  json::array nodes;
  for (const auto& node : x.nodes)
    nodes.push_back(json::object{{"name", node.name},
                                 {"pid", node.process.pid},
                                 {"start", node.process.start},
                                 {"socket", node.socket},
                                 {"admin_url", node.admin_url},
                                 {"log", node.log},
                                 {"link_port", node.link_port},
                                 {"admin_port", node.admin_port},
                                 {"exit", node.exit}});
  json::object out{
    {"config", x.config},
    {"watcher", to_json(x.watcher)},
    {"respawn", x.respawn},
    {"answered", x.answered},
    {"problem",
     x.problem.code == errc::none ? json::value(nullptr) : json::value(error_json(x.problem))},
    {"nodes", std::move(nodes)},
    {"nats", json::object{{"url", x.nats_url}, {"pid", x.nats.pid}, {"start", x.nats.start}}}};
  return write_text_file(cluster_file(x.data), json::serialize_pretty(out) + "\n");
}

std::string home_folder() {
  const auto* home = std::getenv("HOME");
  if (home != nullptr && *home == '/')
    return home;
  const auto* user = ::getpwuid(::getuid());
  return user == nullptr ? "/nonexistent" : user->pw_dir;
}

std::string default_data_folder(const std::string& program) {
  const auto* state = std::getenv("XDG_STATE_HOME");
  auto base =
    state != nullptr && *state == '/' ? std::string{state} : home_folder() + "/.local/state";
  return base + "/coppice/" + (program == "coppice" ? "dev" : program);
}

} // namespace coppice::cli
