#include "runtime/telemetry/caf_metrics.hpp"

#include <caf/actor_system.hpp>
#include <caf/telemetry/metric_registry.hpp>

#include <map>
#include <string>
#include <type_traits>

namespace coppice::telemetry::metrics {

namespace {

namespace ct = caf::telemetry;

std::string name_of(const ct::metric_family& x) {
  auto out = x.prefix() + "_" + x.name();
  if (x.unit() != "1" && !x.unit().empty())
    out += "_" + x.unit();
  for (auto& c : out)
    if ((c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_')
      c = '_';
  if (x.is_sum() && !out.ends_with("_total"))
    out += "_total";
  return out;
}

// CAF's registry calls this with each metric.
struct collector {
  std::map<std::string, prometheus::MetricFamily> families;

  prometheus::ClientMetric& add(const ct::metric_family& family, const ct::metric& instance,
                                prometheus::MetricType type) {
    auto name = name_of(family);
    auto& to = families[name];
    to.name = name;
    to.help = family.helptext();
    to.type = type;
    prometheus::ClientMetric out;
    for (auto& label : instance.labels()) {
      std::string key{label.name().data(), label.name().size()};
      out.label.push_back(
        {std::move(key), std::string{label.value().data(), label.value().size()}});
    }
    to.metric.push_back(std::move(out));
    return to.metric.back();
  }

  template <class T>
  void operator()(const ct::metric_family* family, const ct::metric* instance,
                  const ct::counter<T>* x) {
    // CAF has counters that may not end in _total; Prometheus takes them as they are.
    add(*family, *instance, prometheus::MetricType::Counter).counter.value =
      static_cast<double>(x->value());
  }

  void operator()(const ct::metric_family* family, const ct::metric* instance,
                  const ct::dbl_gauge* x) {
    add(*family, *instance, prometheus::MetricType::Gauge).gauge.value = x->value();
  }

  void operator()(const ct::metric_family* family, const ct::metric* instance,
                  const ct::int_gauge* x) {
    add(*family, *instance, prometheus::MetricType::Gauge).gauge.value =
      static_cast<double>(x->value());
  }

  template <class T>
  void operator()(const ct::metric_family* family, const ct::metric* instance,
                  const ct::histogram<T>* x) {
    auto& to = add(*family, *instance, prometheus::MetricType::Histogram).histogram;
    uint64_t sum = 0;
    auto buckets = x->buckets();
    for (size_t i = 0; i < buckets.size(); ++i) {
      sum += static_cast<uint64_t>(buckets[i].count.value());
      // The last one is CAF's for everything above; the serializer writes +Inf for it.
      if (i + 1 < buckets.size())
        to.bucket.push_back({sum, static_cast<double>(buckets[i].upper_bound)});
    }
    to.sample_count = sum;
    to.sample_sum = static_cast<double>(x->sum());
  }
};

} // namespace

std::vector<prometheus::MetricFamily> collect_caf(const caf::actor_system& system) {
  collector all;
  system.metrics().collect(all);
  std::vector<prometheus::MetricFamily> out;
  for (auto& [name, family] : all.families)
    out.push_back(std::move(family));
  return out;
}

} // namespace coppice::telemetry::metrics
