#pragma once

#include "runtime/telemetry/running.hpp"
#include "runtime/telemetry/span.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::telemetry {

/// Brings spans from the threads where they happen to those who look. Nothing is measured or built
/// when nobody watches and no exporter takes sampled traces.
/// Threading: thread-safe. Bounds: `queue_max` spans wait for each watcher; those past it, and
/// those over the watcher's rate, are counted in `skipped` of the next one.
class span_hub {
public:
  static constexpr size_t queue_max = 2048;

  using callback = std::function<void(const span&)>;

  /// Spans whose path is `prefix` or lies below it, at most so many a second (at least 1). The
  /// callback runs on the hub's own thread, one call at a time for all watchers, so it must not
  /// block.
  static uint64_t watch(std::string prefix, uint32_t per_second, callback what);

  /// After it returns, the callback is not running and never runs again (called from the callback
  /// itself: from then on).
  static void unwatch(uint64_t id);

  /// Takes each span of a sampled trace, on the thread where it happened: must only put it into a
  /// queue. Null: none.
  static void set_exporter(std::shared_ptr<const callback> sink);

  /// Would anybody look at a span of this trace? Two relaxed loads at most.
  static bool wanted(const trace_context& x) noexcept {
    return (probes.load(std::memory_order_relaxed) & probe::spans) != 0 || exported(x);
  }

  static bool exported(const trace_context& x) noexcept {
    return x.sampled && exporting_.load(std::memory_order_relaxed);
  }

  struct watcher;

  /// Who takes a span; asked before it is built, so that a storm over the rate costs little.
  struct ticket {
    std::vector<std::shared_ptr<watcher>> watchers;
    std::shared_ptr<const callback> exporter;

    explicit operator bool() const { return !watchers.empty() || exporter; }
  };

  static ticket admit(std::string_view path, const trace_context& x);
  static void give(const ticket& to, span&& x);

  /// admit and give in one.
  static void offer(span&& x);

private:
  static inline std::atomic<bool> exporting_{false};
};

} // namespace coppice::telemetry
