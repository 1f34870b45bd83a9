#include "runtime/telemetry/actor_support.test.hpp"
#include "runtime/telemetry/otlp_exporter.hpp"
#include "runtime/telemetry/watchdog.hpp"

#include <caf/actor_system_config.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>

// What telemetry costs, beside raw CAF in the same run: `test_telemetry "[bench]"`. CPU time,
// because other work on the machine disturbs that least. Not part of an ordinary test run.

using namespace coppice;
using namespace coppice::telemetry;
using namespace coppice::telemetry::test;

namespace {

constexpr int hops = 640'000;
constexpr int in_flight = 64;
constexpr int rounds = 9;

using done_function = std::shared_ptr<std::function<void()>>;

// Plain messages to and fro.
caf::behavior pong(caf::event_based_actor* self, done_function done) {
  return {[=](int n, const caf::actor& other) {
    if (n == 0)
      (*done)();
    else
      self->send(other, n - 1, caf::actor{self});
  }};
}

// Requests without a time limit, one after the other.
caf::behavior asker(caf::event_based_actor* self, done_function done) {
  return {
    [](int x) { return x; },
    [=](int n, const caf::actor& other) {
      if (n == 0) {
        (*done)();
        return;
      }
      self->request(other, caf::infinite, n).then([=](int x) { self->send(self, x - 1, other); });
    },
  };
}

struct arena {
  std::mutex mutex;
  std::condition_variable changed;
  int playing = 0;
  done_function done = std::make_shared<std::function<void()>>([this] {
    std::lock_guard guard{mutex};
    if (--playing == 0)
      changed.notify_all();
  });

  static double cpu_seconds() {
    timespec x{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &x);
    return static_cast<double>(x.tv_sec) + static_cast<double>(x.tv_nsec) / 1e9;
  }

  // Nanoseconds of CPU time for one hop, with so many balls in the air.
  double play(const caf::actor& a, const caf::actor& b, int n, const trace_context& trace = {},
              int traced = in_flight) {
    playing = in_flight;
    auto begun = cpu_seconds();
    for (int i = 0; i < in_flight; ++i)
      send_traced(a, i < traced ? trace : trace_context{}, n / in_flight, b);
    std::unique_lock guard{mutex};
    changed.wait(guard, [this] { return playing == 0; });
    return (cpu_seconds() - begun) * 1e9 / n;
  }
};

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

void say(const char* name, const std::vector<double>& x, const std::vector<double>& base) {
  std::vector<double> ratios;
  for (size_t i = 0; i < x.size(); ++i)
    ratios.push_back(base[i] / x[i]);
  std::printf("%-34s %7.1f ns   %5.3f of the baseline\n", name, median(x), median(ratios));
}

trace_context sampled_trace(bool sampled) {
  auto x = start_trace();
  x.sampled = sampled;
  return x;
}

} // namespace

TEST_CASE("the cost of tracing on ping-pong", "[.bench]") {
  init_supervision_types();
  watchdog dog; // As in a node: it also keeps the coarse clock.
  arena at;
  caf::actor_system_config raw_config;
  raw_config.set("caf.scheduler.max-threads", 2);
  raw_config.set("caf.scheduler.max-throughput", 300);
  caf::actor_system raw{raw_config};
  auto x = raw.spawn(pong, at.done);
  auto y = raw.spawn(pong, at.done);
  supervision::test_tree tree{
    one_for_one({worker("a", pong, at.done), worker("b", pong, at.done)})};
  auto a = tree.actor("/a");
  auto b = tree.actor("/b");
  std::vector<double> base, idle, one_percent, unsampled, sampled, watched;
  for (int i = 0; i < rounds; ++i) {
    base.push_back(at.play(x, y, hops));
    idle.push_back(at.play(a, b, hops));
    {
      otlp_exporter out{{},
                        [](const std::string&, const std::string&) -> result<int> { return 200; }};
      // One ball of 64 is traced: 1.6 %.
      one_percent.push_back(at.play(a, b, hops, sampled_trace(true), 1));
      unsampled.push_back(at.play(a, b, hops, sampled_trace(false)));
      sampled.push_back(at.play(a, b, hops, sampled_trace(true)));
    }
    span_log seen{"/a", 100};
    watched.push_back(at.play(a, b, hops));
  }
  say("raw CAF", base, base);
  say("supervised, tracing idle", idle, base);
  say("1.6 % traced, sampled, exported", one_percent, base);
  say("100 % traced, not sampled", unsampled, base);
  say("100 % traced, sampled, exported", sampled, base);
  say("watched at 100 spans/s", watched, base);
  CHECK(median(idle) < median(base) * 2);
  caf::anon_send_exit(x, caf::exit_reason::kill);
  caf::anon_send_exit(y, caf::exit_reason::kill);
}

TEST_CASE("the cost of recording requests", "[.bench]") {
  init_supervision_types();
  watchdog dog; // As in a node: it also keeps the coarse clock.
  arena at;
  caf::actor_system_config raw_config;
  raw_config.set("caf.scheduler.max-threads", 2);
  raw_config.set("caf.scheduler.max-throughput", 300);
  caf::actor_system raw{raw_config};
  auto x = raw.spawn(asker, at.done);
  auto y = raw.spawn(asker, at.done);
  supervision::test_tree tree{
    one_for_one({worker("a", asker, at.done), worker("b", asker, at.done)})};
  auto a = tree.actor("/a");
  auto b = tree.actor("/b");
  std::vector<double> base, ours;
  for (int i = 0; i < rounds * 3; ++i) {
    base.push_back(at.play(x, y, hops / 3));
    ours.push_back(at.play(a, b, hops / 3));
  }
  say("request and answer, raw CAF", base, base);
  say("request and answer, supervised", ours, base);
  CHECK(median(ours) < median(base) * 2);
  caf::anon_send_exit(x, caf::exit_reason::kill);
  caf::anon_send_exit(y, caf::exit_reason::kill);
}
