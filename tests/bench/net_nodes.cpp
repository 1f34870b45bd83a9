// Whole processes: how soon a node is ready, how long a command takes that asks three nodes.
#include "runtime/cluster/pki.hpp"
#include "tests/bench/frame/child.hpp"
#include "tests/bench/frame/statistics.hpp"
#include "tests/bench/nats_ground.hpp"
#include "tests/bench/net_measurements.hpp"

#include <memory>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/un.h>

namespace coppice::bench {

namespace {

constexpr double start_seconds_max = 20;

/// A process of the built program; ended with this object.
class program {
public:
  program(std::vector<std::string> words, const std::string& output) {
    words.insert(words.begin(), own_folder() + "/coppice");
    std::vector<char*> argv;
    for (auto& x : words)
      argv.push_back(x.data());
    argv.push_back(nullptr);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      auto fd = ::open(output.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
      ::dup2(fd, STDOUT_FILENO);
      ::dup2(fd, STDERR_FILENO);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
  }

  ~program() {
    if (pid_ < 0)
      return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  program(const program&) = delete;
  program& operator=(const program&) = delete;

  /// The exit status.
  int wait() {
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  }

private:
  pid_t pid_ = -1;
};

std::string text_of(const std::string& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// A port that nobody listens on at the moment.
std::string free_address() {
  auto fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof at;
  auto* raw = reinterpret_cast<sockaddr*>(&at);
  auto ok = ::bind(fd, raw, size) == 0 && ::getsockname(fd, raw, &size) == 0;
  ::close(fd);
  if (!ok)
    throw measurement_failed{"no free port"};
  return "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
}

bool answers_ready(const std::string& socket_file) {
  auto fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  socket_file.copy(to.sun_path, sizeof to.sun_path - 1);
  constexpr std::string_view question =
    "GET /readyz HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n";
  std::array<char, 64> answer{};
  auto ok = ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0
            && ::send(fd, question.data(), question.size(), MSG_NOSIGNAL) > 0
            && ::recv(fd, answer.data(), answer.size() - 1, MSG_WAITALL) > 0;
  ::close(fd);
  return ok && std::string_view{answer.data()}.starts_with("HTTP/1.1 200");
}

/// NATS and nodes with the streams and the tree of a development cluster.
class ground {
public:
  explicit ground(const std::vector<std::string>& names) : nats_(where_, "2m") {
    if (auto made = cluster::pki::make_ca(where_.path()); !made)
      throw measurement_failed{to_string(made.error())};
    auto seed = free_address();
    std::string text = "cluster: {name: bench, seeds: ['" + seed + "']}\ndefaults:\n  nats: {url: '"
                       + nats_.url() + R"('}
  events:
    streams:
      - {name: EDGE, subjects: [edge.>]}
      - {name: COPPICE, subjects: [coppice.>]}
  user:
    - id: edge
      supervisor: {strategy: one_for_one, intensity: 5, period: 10s}
      children:
        - {id: host, type: edge.host_poller, args: {interval: 1s}}
        - {id: alerts, type: edge.alerts, args: {rules: []}}
        - {id: journal, type: edge.journal, args: {durable: journal}}
nodes:
)";
    for (auto& name : names) {
      if (auto made = cluster::pki::issue(where_.path(), name, where_.path()); !made)
        throw measurement_failed{to_string(made.error())};
      text += "  " + name + ":\n    node: {data: " + where_ / name + "}\n    cluster: {listen: '"
              + (name == names.front() ? seed : "127.0.0.1:0")
              + "', certificates: {ca: " + where_ / "ca.crt" + ", cert: " + where_ / (name + ".crt")
              + ", key: " + where_ / (name + ".key")
              + "}}\n    log: {file: " + where_ / (name + ".log") + "}\n";
    }
    std::ofstream{where_ / "nodes.yaml"} << text;
  }

  /// Starts a node and waits until it is ready; the time from exec in milliseconds.
  double start(const std::string& name) {
    stopwatch watch;
    nodes_.push_back(std::make_unique<program>(
      std::vector<std::string>{"node", "--config", where_ / "nodes.yaml", "--name", name},
      where_ / (name + ".out")));
    while (!answers_ready(socket_of(name))) {
      if (watch.seconds() > start_seconds_max)
        throw measurement_failed{name
                                 + " did not become ready: " + text_of(where_ / (name + ".out"))
                                 + text_of(where_ / (name + ".log"))};
      std::this_thread::sleep_for(std::chrono::microseconds{500});
    }
    return watch.seconds() * 1e3;
  }

  /// Runs a command of the program; its time in milliseconds and what it printed.
  std::pair<double, std::string> command(const std::vector<std::string>& words) {
    auto output = where_ / "command.out";
    stopwatch watch;
    program x{words, output};
    auto status = x.wait();
    auto took = watch.seconds() * 1e3;
    auto text = text_of(output);
    if (status != 0)
      throw measurement_failed{words.front() + " ended with " + std::to_string(status) + ": "
                               + text};
    return {took, text};
  }

  std::string socket_of(const std::string& name) const { return where_ / name + "/admin.sock"; }

private:
  nats_ground::folder where_;
  nats_ground::nats nats_;
  std::vector<std::unique_ptr<program>> nodes_;
};

reading middle_of(std::vector<double> times) {
  reading out;
  out.n = times.size();
  out.value = median(times);
  out.p50_ms = percentile(times, 0.5);
  out.p99_ms = percentile(times, 0.99);
  return out;
}

} // namespace

reading node_ready(const arguments&) {
  ground x{{"alpha", "beta", "gamma", "delta"}};
  x.start("alpha");
  std::vector<double> times;
  for (auto name : {"beta", "gamma", "delta"})
    times.push_back(x.start(name));
  return middle_of(std::move(times));
}

reading tree_query(const arguments& sizes) {
  ground x{{"alpha", "beta", "gamma"}};
  for (auto name : {"alpha", "beta", "gamma"})
    x.start(name);
  std::vector<double> times;
  for (uint64_t i = 0; i < number(sizes, 0); ++i) {
    auto [took, text] =
      x.command({"tree", "-o", "json", "--node", "unix://" + x.socket_of("alpha")});
    for (auto name : {"alpha", "beta", "gamma"})
      if (text.find("\"node\":\"" + std::string{name} + "\"") == std::string::npos)
        throw measurement_failed{std::string{"the tree lacks "} + name};
    times.push_back(took);
  }
  return middle_of(std::move(times));
}

reading version_query(const arguments& sizes) {
  ground x{{"alpha"}};
  std::vector<double> times;
  for (uint64_t i = 0; i < number(sizes, 0); ++i)
    times.push_back(x.command({"version"}).first);
  return middle_of(std::move(times));
}

} // namespace coppice::bench
