#pragma once

#include <caf/fwd.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// What `/metrics` shows: a prometheus-cpp registry of this process, CAF's own metrics, values that
/// the parts of a node compute when they are asked, and the process itself. Base units, `_total`
/// and `_seconds`, no actor ids as labels.
namespace coppice::telemetry::metrics {

using labels = std::vector<std::pair<std::string, std::string>>;

struct sample {
  telemetry::metrics::labels labels;
  double value = 0;
};

enum class kind : uint8_t { counter, gauge };

/// Asked at each scrape, on the thread that scrapes; must not block for long. An exception leaves
/// the metric out.
using source = std::function<std::vector<sample>()>;

/// Keeps a source registered.
class registration {
public:
  registration() = default;
  explicit registration(uint64_t id) : id_(id) {}
  ~registration();
  registration(registration&& x) noexcept : id_(std::exchange(x.id_, 0)) {}
  registration& operator=(registration&& x) noexcept {
    std::swap(id_, x.id_);
    return *this;
  }

private:
  uint64_t id_ = 0;
};

/// Adds a metric whose samples are computed at each scrape. After its registration went, the source
/// is not running and never runs again. `name` by Prometheus' rules, a counter's ending in
/// `_total`; a name in use is a bug in the program.
[[nodiscard]] registration add(std::string name, std::string help, kind what, source from);

/// As above, for one value without labels.
[[nodiscard]] registration add_value(std::string name, std::string help, kind what,
                                     std::function<double()> from);

/// CAF's own metrics of that actor system, which must outlive the registration.
/// `caf_system_processed_messages_total` counts only unsupervised actors; coppice_messages_total
/// has the others.
[[nodiscard]] registration add_system(const caf::actor_system& system);

/// One served HTTP request. `route` is the route's pattern, never the request's path; a method that
/// no standard knows counts as `other`.
void count_http_request(std::string_view method, std::string_view route, int status);

/// The whole exposition, text format 0.0.4. Thread-safe.
std::string text();

} // namespace coppice::telemetry::metrics
