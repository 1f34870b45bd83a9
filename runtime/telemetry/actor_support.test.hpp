#pragma once

#include "runtime/supervision/test_tree.hpp"
#include "runtime/telemetry/span_hub.hpp"
#include "runtime/telemetry/trace_data.hpp"

#include <caf/event_based_actor.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace coppice::telemetry::test {

using namespace std::chrono_literals;

/// A worker for a supervision tree.
template <class F, class... Ts>
supervision::child_start worker(std::string id, F f, Ts... xs) {
  supervision::child_spec spec;
  spec.id = std::move(id);
  auto how = supervision::make_recipe(std::move(f), std::move(xs)...);
  how->describe_as("test." + spec.id, "{}");
  return {std::make_shared<supervision::child_spec>(spec), std::move(how), nullptr};
}

inline supervision::supervisor_spec one_for_one(std::vector<supervision::child_start> children) {
  return {{supervision::strategy::one_for_one, 1000, 10s, supervision::auto_shutdown::never},
          std::move(children)};
}

/// What an edge does: a message that belongs to a trace.
template <class... Ts>
void send_traced(const caf::actor& to, const trace_context& trace, Ts... xs) {
  auto element = caf::make_mailbox_element(nullptr, caf::make_message_id(), {}, std::move(xs)...);
  element->tracing_id = make_trace_data(trace, origin::in);
  caf::actor_cast<caf::abstract_actor*>(to)->enqueue(std::move(element), nullptr);
}

/// Keeps the spans below a path while it lives.
class span_log {
public:
  explicit span_log(std::string prefix, uint32_t per_second = 1'000'000)
    : id_(span_hub::watch(std::move(prefix), per_second, [this](const span& x) {
        std::lock_guard guard{mutex_};
        spans_.push_back(x);
        changed_.notify_all();
      })) {}
  ~span_log() { span_hub::unwatch(id_); }

  std::vector<span> all() {
    std::lock_guard guard{mutex_};
    return spans_;
  }

  /// Waits for a span that fulfils the condition.
  template <class F>
  std::optional<span> find(F condition) {
    std::unique_lock guard{mutex_};
    std::optional<span> out;
    changed_.wait_for(guard, 10s, [&] {
      auto i = std::find_if(spans_.begin(), spans_.end(), condition);
      if (i != spans_.end())
        out = *i;
      return out.has_value();
    });
    return out;
  }

  std::optional<span> handled(std::string path, std::string type) {
    return find(
      [&](const span& x) { return x.how != origin::out && x.path == path && x.type == type; });
  }

private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<span> spans_;
  uint64_t id_;
};

} // namespace coppice::telemetry::test
