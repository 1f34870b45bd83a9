#include "runtime/telemetry/metrics.hpp"

#include "runtime/base/assert.hpp"
#include "runtime/telemetry/caf_metrics.hpp"
#include "runtime/telemetry/process_metrics.hpp"
#include "runtime/telemetry/running.hpp"

#include <prometheus/check_names.h>
#include <prometheus/counter.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <map>
#include <mutex>

namespace coppice::telemetry::metrics {

namespace {

using families = std::vector<prometheus::MetricFamily>;

struct entry {
  std::string name;
  std::function<families()> collect;
};

struct metrics_state {
  std::mutex mutex; ///< Held while sources run, so that a registration that went is not in use.
  std::map<uint64_t, entry> sources;
  uint64_t last = 0;
  prometheus::Registry registry;
  prometheus::Family<prometheus::Counter>& requests;

  metrics_state()
    : requests(prometheus::BuildCounter()
                 .Name("coppice_http_requests_total")
                 .Help("HTTP requests answered, by method, route and status.")
                 .Register(registry)) {}
};

metrics_state& the_metrics() {
  static auto* instance = new metrics_state; // Outlives whoever still counts at exit.
  return *instance;
}

uint64_t enter(std::string name, std::function<families()> collect) {
  auto& x = the_metrics();
  std::lock_guard guard{x.mutex};
  for (auto& [id, other] : x.sources)
    COPPICE_ASSERT(other.name != name);
  auto id = ++x.last;
  x.sources.emplace(id, entry{std::move(name), std::move(collect)});
  return id;
}

prometheus::MetricFamily make_family(std::string name, std::string help, kind what,
                                     const std::vector<sample>& from) {
  prometheus::MetricFamily out;
  out.name = std::move(name);
  out.help = std::move(help);
  out.type =
    what == kind::counter ? prometheus::MetricType::Counter : prometheus::MetricType::Gauge;
  for (auto& x : from) {
    prometheus::ClientMetric metric;
    for (auto& [key, value] : x.labels)
      metric.label.push_back({key, value});
    if (what == kind::counter)
      metric.counter.value = x.value;
    else
      metric.gauge.value = x.value;
    out.metric.push_back(std::move(metric));
  }
  return out;
}

prometheus::MetricFamily one(std::string name, std::string help, kind what, uint64_t x) {
  return make_family(std::move(name), std::move(help), what, {{{}, static_cast<double>(x)}});
}

// What supervision counts for the whole process.
families own() {
  auto& sum = process_totals();
  auto read = [](const std::atomic<uint64_t>& x) { return x.load(std::memory_order_relaxed); };
  return {
    one("coppice_messages_total", "Messages given to handlers of supervised actors.", kind::counter,
        messages_handled()),
    one("coppice_actor_restarts_total", "Restarts of supervised actors.", kind::counter,
        read(sum.restarts)),
    one("coppice_actor_failures_total", "Handlers of supervised actors that threw.", kind::counter,
        read(sum.failed)),
    one("coppice_mailbox_refused_total", "Messages refused by full mailboxes.", kind::counter,
        read(sum.refused)),
    one("coppice_messages_late_total",
        "Answers and timers that came after nobody waited for them any more.", kind::counter,
        read(sum.late)),
  };
}

} // namespace

registration::~registration() {
  if (id_ == 0)
    return;
  auto& x = the_metrics();
  std::lock_guard guard{x.mutex};
  x.sources.erase(id_);
}

registration add(std::string name, std::string help, kind what, source from) {
  COPPICE_ASSERT(prometheus::CheckMetricName(name));
  COPPICE_ASSERT(what != kind::counter || name.ends_with("_total"));
  auto collect = [name, help = std::move(help), what, from = std::move(from)] {
    return families{make_family(name, help, what, from())};
  };
  return registration{enter(std::move(name), std::move(collect))};
}

registration add_value(std::string name, std::string help, kind what,
                       std::function<double()> from) {
  return add(std::move(name), std::move(help), what, [from = std::move(from)] {
    return std::vector<sample>{{{}, from()}};
  });
}

registration add_system(const caf::actor_system& system) {
  return registration{enter({}, [&system] { return collect_caf(system); })};
}

void count_http_request(std::string_view method, std::string_view route, int status) {
  static constexpr std::array<std::string_view, 8> known{"GET",    "HEAD",  "POST",    "PUT",
                                                         "DELETE", "PATCH", "OPTIONS", "TRACE"};
  auto name = std::find(known.begin(), known.end(), method) != known.end() ? method : "other";
  auto& family = the_metrics().requests;
  family
    .Add({{"method", std::string{name}},
          {"route", std::string{route}},
          {"status", std::to_string(status)}})
    .Increment();
}

std::string text() {
  auto& x = the_metrics();
  auto all = x.registry.Collect();
  auto append = [&all](families more) {
    std::move(more.begin(), more.end(), std::back_inserter(all));
  };
  append(own());
  append(collect_process());
  {
    std::lock_guard guard{x.mutex};
    for (auto& [id, source] : x.sources) {
      try {
        append(source.collect());
      } catch (const std::exception&) {
        // The metric is missing from this scrape; the others are not.
      }
    }
  }
  std::erase_if(all, [](const prometheus::MetricFamily& y) { return y.metric.empty(); });
  return prometheus::TextSerializer{}.Serialize(all);
}

} // namespace coppice::telemetry::metrics
