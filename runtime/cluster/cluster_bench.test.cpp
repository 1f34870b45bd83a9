// Our links beside plain BASP over TCP in the same run, between two processes: `test_cluster
// [.bench]`.
#include "runtime/cluster/test_support.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/io/middleman.hpp>
#include <caf/scoped_actor.hpp>

#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace coppice;
using namespace coppice::cluster;
using namespace std::chrono_literals;

namespace {

using steady = std::chrono::steady_clock;

double seconds_since(steady::time_point begin) {
  return std::chrono::duration<double>(steady::now() - begin).count();
}

/// Round trips a second with a window of messages under way.
double round_trips(caf::scoped_actor& self, const caf::actor& gate, int n) {
  constexpr int window = 2000;
  auto begin = steady::now();
  int open = 0;
  for (int32_t i = 0; i < n; ++i) {
    self->send(gate, i);
    if (++open > window) {
      self->receive([](int32_t) {});
      --open;
    }
  }
  while (open-- > 0)
    self->receive([](int32_t) {});
  return n / seconds_since(begin);
}

/// Bytes a second with messages of 4 KiB.
double bytes(caf::scoped_actor& self, const caf::actor& gate, int n) {
  constexpr int window = 500;
  std::string load(4096, 'x');
  auto begin = steady::now();
  int open = 0;
  for (int i = 0; i < n; ++i) {
    self->send(gate, load);
    if (++open > window) {
      self->receive([](int64_t) {});
      --open;
    }
  }
  while (open-- > 0)
    self->receive([](int64_t) {});
  return n * 4096.0 / seconds_since(begin);
}

double latency(caf::scoped_actor& self, const caf::actor& gate, int n) {
  auto begin = steady::now();
  for (int32_t i = 0; i < n; ++i)
    self->request(gate, 5s, i)
      .receive([](int32_t) {}, [](const caf::error&) { FAIL("no answer"); });
  return seconds_since(begin) / n;
}

double median(std::vector<double> xs) {
  std::sort(xs.begin(), xs.end());
  return xs[xs.size() / 2];
}

/// The other process: a node and a plain port; ends when its standard input does.
[[noreturn]] void serve(const std::string& folder, const std::string& seed) {
  test_pki keys{folder};
  test_node beta{keys, "beta", {seed}};
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  config.set("caf.scheduler.max-threads", size_t{2});
  caf::actor_system system{config};
  auto gate = system.spawn(gate_of_a_test);
  auto port = system.middleman().publish(gate, 0, "127.0.0.1");
  std::cout << (port ? *port : 0) << std::endl;
  char c = 0;
  while (::read(STDIN_FILENO, &c, 1) > 0) {
  }
  std::_Exit(0);
}

} // namespace

TEST_CASE("bench: the other process", "[.bench-other]") {
  const char* folder = std::getenv("COPPICE_BENCH_FOLDER");
  const char* seed = std::getenv("COPPICE_BENCH_SEED");
  if (folder != nullptr && seed != nullptr)
    serve(folder, seed);
}

TEST_CASE("bench: links beside plain BASP", "[.bench]") {
  test_pki keys;
  test_node alpha{keys, "alpha", {}};
  int in[2];
  int out[2];
  REQUIRE(::pipe2(in, O_CLOEXEC) == 0);
  REQUIRE(::pipe2(out, O_CLOEXEC) == 0);
  auto seed = alpha.address();
  auto folder = keys.folder.path.string();
  keys.files("beta");
  auto child = ::fork();
  if (child == 0) {
    ::dup2(in[0], STDIN_FILENO);
    ::dup2(out[1], STDOUT_FILENO);
    ::setenv("COPPICE_BENCH_FOLDER", folder.c_str(), 1);
    ::setenv("COPPICE_BENCH_SEED", seed.c_str(), 1);
    ::execl("/proc/self/exe", "test_cluster", "[.bench-other]", nullptr);
    ::_exit(127);
  }
  ::close(out[1]);
  ::close(in[0]);
  std::string text;
  for (char c = 0; text.find("\n") == std::string::npos || std::atoi(text.c_str()) == 0;) {
    REQUIRE(::read(out[0], &c, 1) == 1);
    text = c == '\n' && std::atoi(text.c_str()) == 0 ? "" : text + c;
  }
  REQUIRE(alpha.saw(member_event::kind::up, "beta"));
  auto ours = *alpha.part->gate_of("beta");
  caf::actor_system_config config;
  config.load<caf::io::middleman>();
  config.set("caf.scheduler.max-threads", size_t{2});
  caf::actor_system plain{config};
  auto theirs =
    plain.middleman().remote_actor("127.0.0.1", static_cast<uint16_t>(std::atoi(text.c_str())));
  REQUIRE(theirs);
  {
    caf::scoped_actor a{*alpha.system};
    caf::scoped_actor b{plain};
    std::vector<double> rows[6];
    for (int round = 0; round < 5; ++round) {
      rows[0].push_back(round_trips(a, ours, 200000));
      rows[1].push_back(round_trips(b, *theirs, 200000));
      rows[2].push_back(bytes(a, ours, 40000));
      rows[3].push_back(bytes(b, *theirs, 40000));
      rows[4].push_back(latency(a, ours, 3000));
      rows[5].push_back(latency(b, *theirs, 3000));
    }
    auto m = [&](int i) { return median(rows[i]); };
    std::cout << "small messages: " << m(0) / 1e3 << " k/s, plain " << m(1) / 1e3 << " k/s, ratio "
              << m(0) / m(1) << "\n4 KiB messages: " << m(2) / 1e6 << " MB/s, plain " << m(3) / 1e6
              << " MB/s, ratio " << m(2) / m(3) << "\nround trip: " << m(4) * 1e6 << " us, plain "
              << m(5) * 1e6 << " us, ratio " << m(5) / m(4) << "\n";
  }
  theirs = caf::error{};
  ::close(in[1]);
  ::waitpid(child, nullptr, 0);
  ::close(out[0]);
}
