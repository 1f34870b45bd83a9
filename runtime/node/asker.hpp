#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"
#include "runtime/telemetry/trace.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/message.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace coppice {

/// Asks actors from outside of any actor: from HTTP handlers, timers, library callbacks. The answer comes back on the
/// thread that gave it and must be dealt with quickly.
/// Threading: thread-safe. Bounds: `open_max` questions without an answer; past it errc::rate_limited.
class asker {
public:
  static constexpr size_t open_max = 100'000;

  using callback = std::function<void(result<caf::message>)>;

  explicit asker(caf::actor_system& system);
  ~asker();

  /// Calls back exactly once: the answer, the actor's error, or errc::timeout. `urgent`: before all user messages, also
  /// while the actor is suspended (describe_query needs it). The question belongs to `trace`, or to the current trace of
  /// this thread when that is none; `how` is what its span shows. An event is the cause of what its receiver publishes.
  void ask(const caf::actor& to, caf::message question, duration deadline, callback done,
           bool urgent = false, const telemetry::trace_context& trace = {},
           telemetry::origin how = telemetry::origin::in);

  /// A message without an answer, from nobody; `trace` and `how` as above.
  static void tell(const caf::actor& to, caf::message message,
                   const telemetry::trace_context& trace = {},
                   telemetry::origin how = telemetry::origin::in);

  struct open_question {
    uint64_t number = 0;
    caf::actor_addr to;
    std::string type;
    duration age{0};
  };

  /// What is open now, for `why`.
  std::vector<open_question> open() const;

private:
  class ear;
  caf::actor_system& system_;
  caf::strong_actor_ptr ear_;
};

} // namespace coppice
