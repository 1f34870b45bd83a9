#pragma once

#include "runtime/base/clock.hpp"

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

/// Help for the tests of this folder and of those that build on it.
namespace coppice::testing {

/// A folder that goes away with its owner.
class temp_folder {
public:
  temp_folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "coppice-XXXXXX").string();
    path_ = ::mkdtemp(pattern.data()) == nullptr ? std::string{} : pattern;
  }
  temp_folder(const temp_folder&) = delete;
  temp_folder& operator=(const temp_folder&) = delete;
  ~temp_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }

  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

private:
  std::string path_;
};

/// Time that moves when it is told to.
class manual_clock : public clock {
public:
  instant now() const override { return {now_ns}; }
  duration monotonic() const override { return duration{now_ns}; }
  void advance(duration x) { now_ns += x.count(); }

  std::atomic<int64_t> now_ns{1'767'693'600'000'000'000};
};

/// This test program again, running one hidden test case; its file descriptor 3 is a pipe to us.
/// Killed hard by kill(), which a crash test wants, and by the destructor.
class child_program {
public:
  child_program(const std::string& test_case,
                const std::vector<std::pair<std::string, std::string>>& environment) {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0)
      std::abort();
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], 3);
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
    std::vector<std::string> texts;
    for (char** x = environ; *x != nullptr; ++x)
      texts.emplace_back(*x);
    for (const auto& [name, value] : environment)
      texts.push_back(name + "=" + value);
    std::vector<char*> variables;
    for (auto& x : texts)
      variables.push_back(x.data());
    variables.push_back(nullptr);
    std::string program = "/proc/self/exe";
    std::string name = test_case;
    char* arguments[] = {program.data(), name.data(), nullptr};
    if (posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments, variables.data()) != 0)
      std::abort();
    posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    read_end_ = ends[0];
  }
  child_program(const child_program&) = delete;
  child_program& operator=(const child_program&) = delete;
  ~child_program() {
    kill();
    ::close(read_end_);
  }

  /// The next line that the child wrote; false at the end of the pipe.
  bool next_line(std::string& line) {
    while (true) {
      if (auto end = buffer_.find('\n'); end != std::string::npos) {
        line = buffer_.substr(0, end);
        buffer_.erase(0, end + 1);
        return true;
      }
      char chunk[4096];
      auto size = ::read(read_end_, chunk, sizeof(chunk));
      if (size <= 0)
        return false;
      buffer_.append(chunk, static_cast<size_t>(size));
    }
  }

  void kill() {
    if (pid_ <= 0)
      return;
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
  }

private:
  pid_t pid_ = 0;
  int read_end_ = -1;
  std::string buffer_;
};

/// For the child: one line to the parent.
inline void tell_parent(const std::string& line) {
  auto text = line + "\n";
  if (::write(3, text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    std::abort();
}

} // namespace coppice::testing
