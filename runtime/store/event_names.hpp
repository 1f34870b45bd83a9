#pragma once

#include "runtime/base/prng.hpp"
#include "runtime/store/event_types.hpp"

#include <mutex>

namespace coppice::store::detail {

/// Gives ids and times to events that came without. Before an append is queued, so that one that is tried twice stores the same.
/// Threading: thread-safe.
class event_names {
public:
  void name_events(append_request& request);

private:
  std::mutex mutex_;
  prng random_{random_seed()};
};

} // namespace coppice::store::detail
