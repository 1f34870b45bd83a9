#pragma once

#include <caf/all.hpp>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <stdexcept>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/// What both sides of basp_mtls share: the two actors that talk and the second process. CAF and the
/// standard library only, so that the baseline has nothing of ours in it.
namespace exchange {

/// Answers a small message with itself and a large one with its size.
inline caf::behavior partner() {
  return {
    [](int32_t x) { return x; },
    [](const std::string& x) { return static_cast<int64_t>(x.size()); },
  };
}

struct talker_state {
  int sent = 0;
  int answered = 0;
};

/// Sends `count` messages, `window` of them without an answer at a time: numbers, or texts of
/// `bytes` bytes when that is not 0.
inline caf::behavior talker(caf::stateful_actor<talker_state>* self, caf::actor to, int count,
                            int window, size_t bytes, std::promise<void>* done) {
  auto text = std::string(bytes, 'x');
  auto send_one = [=] {
    auto number = self->state.sent++;
    if (bytes == 0)
      self->send(to, static_cast<int32_t>(number));
    else
      self->send(to, text);
  };
  auto answered = [=] {
    if (++self->state.answered == count) {
      done->set_value();
      self->quit();
    } else if (self->state.sent < count) {
      send_one();
    }
  };
  return {
    [=](caf::ok_atom) {
      for (int i = 0; i < std::min(window, count); ++i)
        send_one();
    },
    [=](int32_t) { answered(); },
    [=](int64_t) { answered(); },
  };
}

/// Messages a second.
inline double measure(caf::actor_system& system, const caf::actor& to, int count, int window,
                      size_t bytes) {
  std::promise<void> done;
  auto self = system.spawn(talker, to, count, window, bytes, &done);
  auto begin = std::chrono::steady_clock::now();
  caf::anon_send(self, caf::ok_atom_v);
  if (done.get_future().wait_for(std::chrono::seconds{30}) != std::future_status::ready)
    throw std::runtime_error("messages did not come back");
  return count / std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// A second process of this program. It ends when its standard input does, that is with this one.
class other_process {
public:
  explicit other_process(std::vector<std::string> words) {
    std::array<int, 2> in{};
    std::array<int, 2> out{};
    if (::pipe2(in.data(), O_CLOEXEC) != 0 || ::pipe2(out.data(), O_CLOEXEC) != 0)
      throw std::runtime_error("no pipe");
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      std::vector<char*> argv;
      for (auto& x : words)
        argv.push_back(x.data());
      argv.push_back(nullptr);
      ::execv("/proc/self/exe", argv.data());
      ::_exit(127);
    }
    ::close(in[0]);
    ::close(out[1]);
    in_ = in[1];
    out_ = ::fdopen(out[0], "r");
  }

  ~other_process() {
    ::close(in_);
    ::waitpid(pid_, nullptr, 0);
    std::fclose(out_);
  }
  other_process(const other_process&) = delete;
  other_process& operator=(const other_process&) = delete;

  /// The next line that it prints.
  std::string line() {
    std::array<char, 256> text{};
    if (std::fgets(text.data(), text.size(), out_) == nullptr)
      throw std::runtime_error("the other process ended");
    std::string out = text.data();
    out.pop_back();
    return out;
  }

private:
  pid_t pid_ = -1;
  int in_ = -1;
  FILE* out_ = nullptr;
};

/// In the second process: until the first one ends.
inline void wait_for_end_of_input() {
  char c = 0;
  while (::read(STDIN_FILENO, &c, 1) > 0) {
  }
}

} // namespace exchange
