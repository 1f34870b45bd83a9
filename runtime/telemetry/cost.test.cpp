#include "runtime/telemetry/actor_support.test.hpp"
#include "runtime/telemetry/otlp_exporter.hpp"
#include "runtime/telemetry/watchdog.hpp"

#include <caf/actor_system_config.hpp>
#include <catch2/catch_test_macros.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>

// What telemetry costs, beside raw CAF in the same run: `test_telemetry "[bench]"`. CPU time,
// because other work on the machine disturbs that least, and messages a second, which only mean
// something on a quiet machine. Not part of an ordinary test run.

using namespace coppice;
using namespace coppice::telemetry;
using namespace coppice::telemetry::test;

namespace {

constexpr int hops = 500'000;
constexpr int in_flight = 100; // So that one of them is 1 %.
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

struct cost {
  double cpu_ns = 0; ///< For one hop.
  double per_second = 0;
};

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

  // Many hops, with so many balls in the air.
  cost play(const caf::actor& a, const caf::actor& b, int n, const trace_context& trace = {},
            int traced = in_flight) {
    playing = in_flight;
    auto begun = cpu_seconds();
    auto started = std::chrono::steady_clock::now();
    for (int i = 0; i < in_flight; ++i)
      send_traced(a, i < traced ? trace : trace_context{}, n / in_flight, b);
    std::unique_lock guard{mutex};
    changed.wait(guard, [this] { return playing == 0; });
    std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    return {(cpu_seconds() - begun) * 1e9 / n, n / took.count()};
  }
};

double median(std::vector<double> x) {
  std::sort(x.begin(), x.end());
  return x[x.size() / 2];
}

double cpu(const std::vector<cost>& x) {
  std::vector<double> all;
  for (auto& y : x)
    all.push_back(y.cpu_ns);
  return median(all);
}

void say(const char* name, const std::vector<cost>& x, const std::vector<cost>& base) {
  std::vector<double> ratios, rates, of_rates;
  for (size_t i = 0; i < x.size(); ++i) {
    ratios.push_back(base[i].cpu_ns / x[i].cpu_ns);
    rates.push_back(x[i].per_second / 1e6);
    of_rates.push_back(x[i].per_second / base[i].per_second);
  }
  std::printf("%-34s %7.1f ns CPU   %5.3f of the baseline   %6.2f M/s   %5.3f of the baseline\n",
              name, cpu(x), median(ratios), median(rates), median(of_rates));
}

trace_context sampled_trace(bool sampled) {
  auto x = start_trace();
  x.sampled = sampled;
  return x;
}

} // namespace

namespace {

// Raw CAF beside a supervised pair, idle and with each share of the traffic traced.
void measure(const char* what, const caf::actor& x, const caf::actor& y, const caf::actor& a,
             const caf::actor& b, arena& at, int n) {
  std::vector<cost> base, idle, one_percent, unsampled, sampled, watched;
  auto nowhere = [](const std::string&, const std::string&) -> result<int> { return 200; };
  for (int i = 0; i < rounds; ++i) {
    base.push_back(at.play(x, y, n));
    idle.push_back(at.play(a, b, n));
    {
      otlp_exporter out{{}, nowhere};
      one_percent.push_back(at.play(a, b, n, sampled_trace(true), in_flight / 100));
      unsampled.push_back(at.play(a, b, n, sampled_trace(false)));
      sampled.push_back(at.play(a, b, n, sampled_trace(true)));
    }
    span_log seen{"/a", 100};
    watched.push_back(at.play(a, b, n));
  }
  std::printf("-- %s\n", what);
  say("raw CAF", base, base);
  say("supervised, tracing idle", idle, base);
  say("1 % traced, sampled, exported", one_percent, base);
  say("100 % traced, not sampled", unsampled, base);
  say("100 % traced, sampled, exported", sampled, base);
  say("watched at 100 spans/s", watched, base);
  CHECK(cpu(idle) < cpu(base) * 2);
}

template <class F>
void measure_pair(const char* what, F fun, int n) {
  init_supervision_types();
  watchdog dog; // As in a node: it also keeps the coarse clock.
  arena at;
  caf::actor_system_config raw_config;
  raw_config.set("caf.scheduler.max-threads", 2);
  raw_config.set("caf.scheduler.max-throughput", 300);
  caf::actor_system raw{raw_config};
  auto x = raw.spawn(fun, at.done);
  auto y = raw.spawn(fun, at.done);
  supervision::test_tree tree{one_for_one({worker("a", fun, at.done), worker("b", fun, at.done)})};
  measure(what, x, y, tree.actor("/a"), tree.actor("/b"), at, n);
  caf::anon_send_exit(x, caf::exit_reason::kill);
  caf::anon_send_exit(y, caf::exit_reason::kill);
}

} // namespace

TEST_CASE("the cost of tracing on ping-pong", "[.bench]") {
  measure_pair("messages to and fro", pong, hops);
}

TEST_CASE("the cost of tracing on requests, and of recording them", "[.bench]") {
  measure_pair("requests with their answers", asker, hops / 5);
}
