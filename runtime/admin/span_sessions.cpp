#include "runtime/admin/span_sessions.hpp"

#include "runtime/base/clock.hpp"

namespace coppice::admin {

span_sessions::~span_sessions() {
  sweep(true);
}

result<std::string> span_sessions::take(const std::string& session, const std::string& path,
                                        uint32_t per_second) {
  std::shared_ptr<buffer> kept;
  {
    std::lock_guard guard{mutex_};
    auto at = sessions_.find(session);
    if (at == sessions_.end()) {
      if (sessions_.size() >= sessions_max)
        return error{errc::rate_limited, "too many traces are watched on this node", node_, {}};
      auto fresh = std::make_shared<buffer>();
      auto watch = telemetry::span_hub::watch(path, per_second, [fresh](const telemetry::span& x) {
        std::lock_guard guard{fresh->mutex};
        if (fresh->spans.size() >= spans_max) {
          fresh->skipped += x.skipped + 1;
          return;
        }
        fresh->spans.push_back(x);
        fresh->spans.back().skipped += std::exchange(fresh->skipped, 0);
      });
      at = sessions_.emplace(session, entry{fresh, watch, {}}).first;
    }
    at->second.asked = system_clock().monotonic();
    kept = at->second.kept;
  }
  std::deque<telemetry::span> spans;
  {
    std::lock_guard guard{kept->mutex};
    spans.swap(kept->spans);
  }
  std::string out = "[";
  for (auto& x : spans)
    out += (out.size() > 1 ? "," : "") + telemetry::to_json(x, node_);
  return out + "]";
}

void span_sessions::end(const std::string& session) {
  uint64_t watch = 0;
  {
    std::lock_guard guard{mutex_};
    auto at = sessions_.find(session);
    if (at == sessions_.end())
      return;
    watch = at->second.watch;
    sessions_.erase(at);
  }
  telemetry::span_hub::unwatch(watch);
}

void span_sessions::sweep(bool all) {
  std::vector<uint64_t> ended;
  {
    std::lock_guard guard{mutex_};
    auto now = system_clock().monotonic();
    for (auto at = sessions_.begin(); at != sessions_.end();) {
      if (all || at->second.asked + idle_max < now) {
        ended.push_back(at->second.watch);
        at = sessions_.erase(at);
      } else {
        ++at;
      }
    }
  }
  // Waits for callbacks, so without the lock.
  for (auto watch : ended)
    telemetry::span_hub::unwatch(watch);
}

size_t span_sessions::size() const {
  std::lock_guard guard{mutex_};
  return sessions_.size();
}

} // namespace coppice::admin
