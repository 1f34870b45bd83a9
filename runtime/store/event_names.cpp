#include "runtime/store/event_names.hpp"

#include "runtime/base/clock.hpp"

namespace coppice::store::detail {

void event_names::name_events(append_request& request) {
  auto now = system_clock().now();
  for (auto& x : request.events) {
    if (x.time == instant{})
      x.time = now;
    if (x.id.empty()) {
      std::lock_guard guard{mutex_};
      x.id = make_uuid(static_cast<uint64_t>(now.ns / 1'000'000), random_);
    }
  }
}

} // namespace coppice::store::detail
