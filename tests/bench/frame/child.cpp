#include "tests/bench/frame/child.hpp"

#include "runtime/json/value.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ; // NOLINT: POSIX wants it declared.

namespace coppice::bench {

namespace {

using steady = std::chrono::steady_clock;

std::string resolve(const std::string& program) {
  if (program.find('/') != std::string::npos)
    return access(program.c_str(), X_OK) == 0 ? program : std::string{};
  if (auto beside = own_folder() + "/" + program; access(beside.c_str(), X_OK) == 0)
    return beside;
  const char* path = getenv("PATH");
  std::string_view folders = path != nullptr ? path : "";
  while (!folders.empty()) {
    auto end = folders.find(':');
    auto candidate = std::string{folders.substr(0, end)} + "/" + program;
    if (access(candidate.c_str(), X_OK) == 0)
      return candidate;
    folders = end == std::string_view::npos ? std::string_view{} : folders.substr(end + 1);
  }
  return {};
}

/// A running measurement; ends it when it goes away.
class process {
public:
  static result<process> start(const std::string& program, const std::vector<std::string>& words) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0)
      return error{errc::internal, std::string{"no pipe: "} + strerror(errno), program, {}};
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawnattr_t settings;
    posix_spawnattr_init(&settings);
    // A group of its own, so that nothing it started is left behind.
    posix_spawnattr_setflags(&settings, POSIX_SPAWN_SETPGROUP);
    std::vector<char*> argv;
    for (auto& word : words)
      argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    pid_t pid = 0;
    auto failed = posix_spawn(&pid, program.c_str(), &actions, &settings, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&settings);
    close(ends[1]);
    if (failed != 0) {
      close(ends[0]);
      return error{
        errc::handler_error, std::string{"cannot be started: "} + strerror(failed), program, {}};
    }
    return process{pid, ends[0]};
  }

  process(process&& other) noexcept : pid_(other.pid_), out_(other.out_) {
    other.pid_ = 0;
    other.out_ = -1;
  }
  process& operator=(process&&) = delete;

  ~process() {
    if (pid_ > 0) {
      kill(-pid_, SIGKILL);
      waitpid(pid_, nullptr, 0);
    }
    if (out_ >= 0)
      close(out_);
  }

  /// What it prints, until it closes its output; false: the time is over.
  bool read_all(std::string& to, steady::time_point until) {
    char buffer[4096];
    for (;;) {
      auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - steady::now());
      if (left.count() <= 0)
        return false;
      pollfd entry{out_, POLLIN, 0};
      if (poll(&entry, 1, static_cast<int>(left.count())) <= 0)
        continue;
      auto n = read(out_, buffer, sizeof buffer);
      if (n <= 0)
        return true;
      if (to.size() < output_max)
        to.append(buffer, static_cast<size_t>(n));
    }
  }

  int wait() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return status;
  }

private:
  static constexpr size_t output_max = 1 << 20;

  process(pid_t pid, int out) : pid_(pid), out_(out) {}

  pid_t pid_;
  int out_;
};

result<reading> reading_of(const json::object& from, bool with_parts) {
  reading out;
  auto* value = from.if_contains("value");
  if (value == nullptr || !value->is_number())
    return error{errc::handler_error, "printed no number \"value\"", "/value", {}};
  out.value = value->to_number<double>();
  auto optional = [&](const char* name) -> std::optional<double> {
    auto* x = from.if_contains(name);
    return x != nullptr && x->is_number() ? std::optional{x->to_number<double>()} : std::nullopt;
  };
  out.n = static_cast<uint64_t>(optional("n").value_or(0));
  out.p50_ms = optional("p50_ms");
  out.p99_ms = optional("p99_ms");
  auto* parts = from.if_contains("parts");
  if (with_parts && parts != nullptr && parts->is_object()) {
    for (auto& [name, part] : parts->get_object()) {
      if (!part.is_object())
        return error{errc::handler_error,
                     "printed a part that is no object",
                     "/parts/" + std::string{name},
                     {}};
      auto inner = reading_of(part.get_object(), false);
      if (!inner)
        return inner.error();
      out.parts.emplace(name, std::move(*inner));
    }
  }
  return out;
}

} // namespace

std::string own_folder() {
  std::error_code code;
  auto self = std::filesystem::read_symlink("/proc/self/exe", code);
  return self.parent_path().string();
}

std::string in_baselines(const std::string& file) {
  return std::string{COPPICE_SOURCE_DIR "/tests/bench/baseline/"} + file;
}

result<reading> parse_reading(std::string_view output) {
  while (output.ends_with('\n'))
    output.remove_suffix(1);
  if (auto last = output.rfind('\n'); last != std::string_view::npos)
    output.remove_prefix(last + 1);
  auto parsed = json::parse(output);
  if (!parsed || !parsed->is_object())
    return error{errc::handler_error,
                 "did not print its measurement as JSON but '" + std::string{output.substr(0, 200)}
                   + "'",
                 {},
                 {}};
  return reading_of(parsed->get_object(), true);
}

result<reading> measure(const command& what) {
  auto program = resolve(what.words.front());
  if (program.empty())
    return error{errc::not_found, what.words.front() + " is not there", what.words.front(), {}};
  auto running = process::start(program, what.words);
  if (!running)
    return running.error();
  std::string output;
  if (!running->read_all(output, steady::now() + what.limit))
    return error{
      errc::timeout, "took longer than " + to_string(what.limit), what.words.front(), {}};
  auto status = running->wait();
  if (status != 0) {
    auto how = WIFSIGNALED(status) ? std::string{"ended by signal "} + strsignal(WTERMSIG(status))
                                   : "ended with " + std::to_string(WEXITSTATUS(status));
    return error{errc::handler_error,
                 how + (output.empty() ? "" : ": " + output.substr(0, 200)),
                 what.words.front(),
                 {}};
  }
  auto out = parse_reading(output);
  if (!out)
    return error{out.error().code, out.error().message, what.words.front(), {}};
  return out;
}

} // namespace coppice::bench
