#pragma once

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <thread>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/// What both sides of the NATS rows share: the same server with the same settings. The standard
/// library only, so that a baseline has nothing of ours in it.
namespace nats_ground {

/// A folder that goes away at the end.
class folder {
public:
  folder() {
    auto pattern = (std::filesystem::temp_directory_path() / "coppice-bench-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error("no temporary folder");
    path_ = pattern;
  }
  ~folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  folder(const folder&) = delete;
  folder& operator=(const folder&) = delete;

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

private:
  std::string path_;
};

/// A nats-server with JetStream on a free port, ended with this object or with this process.
class nats {
public:
  /// `sync_interval`: `2m` is the server's default, `always` syncs before each answer.
  nats(const folder& where, const std::string& sync_interval) {
    auto* prefix = std::getenv("COPPICE_DEPS_PREFIX");
    auto* chosen = std::getenv("COPPICE_NATS_SERVER");
    auto binary = chosen != nullptr   ? std::string{chosen}
                  : prefix != nullptr ? std::string{prefix} + "/bin/nats-server"
                                      : std::string{"nats-server"};
    auto config = where / "nats.conf";
    std::ofstream{config} << "listen: \"127.0.0.1:-1\"\nports_file_dir: \"" << where.path()
                          << "\"\njetstream: {store_dir: \"" << where / "jetstream"
                          << "\", sync_interval: \"" << sync_interval << "\"}\n";
    auto log = where / "nats.log";
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      auto fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(fd, STDOUT_FILENO);
      ::dup2(fd, STDERR_FILENO);
      ::execlp(binary.c_str(), binary.c_str(), "-c", config.c_str(), nullptr);
      ::_exit(127);
    }
    read_url(where / ("nats-server_" + std::to_string(pid_) + ".ports"));
  }

  ~nats() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  nats(const nats&) = delete;
  nats& operator=(const nats&) = delete;

  const std::string& url() const { return url_; }

private:
  void read_url(const std::string& file) {
    for (int i = 0; i < 5000; ++i) {
      std::ifstream in{file};
      std::string text{std::istreambuf_iterator<char>{in}, {}};
      auto begin = text.find("nats://");
      auto end = begin == std::string::npos ? begin : text.find('"', begin);
      if (end != std::string::npos) {
        url_ = text.substr(begin, end - begin);
        return;
      }
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_)
        break;
      std::this_thread::sleep_for(std::chrono::milliseconds{2});
    }
    throw std::runtime_error("nats-server did not start; is COPPICE_DEPS_PREFIX set?");
  }

  pid_t pid_ = -1;
  std::string url_;
};

/// The CloudEvent that both sides send: about 300 bytes, as the edge's samples are.
inline std::string event_text(const std::string& id) {
  std::array<char, 512> out{};
  auto n = std::snprintf(
    out.data(), out.size(),
    R"({"specversion":"1.0","id":"%s","source":"alpha:/user/bench","type":"bench.sample",)"
    R"("time":"2026-01-06T10:00:00.000000Z","datacontenttype":"application/json",)"
    R"("data":{"cpu":{"busy":0.25,"user":0.125},"load":[0.5,0.25,0.125],"memory":{"used":123456}}})",
    id.c_str());
  return {out.data(), static_cast<size_t>(n)};
}

inline std::string event_id(int number) {
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), "0190a5d0-7c00-7000-8000-%012d", number);
  return out.data();
}

struct load {
  std::string what; ///< `publish`, `outbox`, `consume`.
  std::string sync = "2m";
  int count = 50'000;
  int in_flight = 256;
};

/// `WHAT [SYNC [COUNT [IN_FLIGHT]]]`
inline load read_load(int argc, char** argv) {
  load out;
  if (argc > 1)
    out.what = argv[1];
  if (argc > 2)
    out.sync = argv[2];
  if (argc > 3)
    out.count = std::atoi(argv[3]);
  if (argc > 4)
    out.in_flight = std::atoi(argv[4]);
  return out;
}

using steady = std::chrono::steady_clock;

/// The line of a measurement.
inline void print_rate(int n, steady::time_point begin) {
  auto seconds = std::chrono::duration<double>(steady::now() - begin).count();
  std::printf("{\"value\":%.1f,\"n\":%d}\n", n / seconds, n);
  std::fflush(stdout);
}

} // namespace nats_ground
