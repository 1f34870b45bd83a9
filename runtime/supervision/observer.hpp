#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/supervision/stack_trace.hpp"
#include "runtime/telemetry/cause.hpp"

#include <caf/actor_control_block.hpp>
#include <caf/fwd.hpp>
#include <caf/message.hpp>

#include <string>
#include <string_view>
#include <vector>

namespace coppice::supervision {

/// One restart of one child, as history, log and events show it.
struct restart_record {
  std::string path;
  std::string type; ///< Of the actor.
  std::string reason;
  std::string message_type; ///< Being handled when it ended; empty outside a message.
  std::string trace_id;
  instant at;
  duration downtime{0};     ///< From the end to the next start; 0 while it is down.
  duration delay{0};        ///< Chosen backoff.
  uint32_t incarnation = 0; ///< The one that begins with it.
  bool by_hand = false;
  raw_stack stack;
};

/// Where something happened, written out only by who wants to read it.
struct place_name {
  std::string_view supervisor; ///< A path.
  std::string_view id;         ///< Empty: the supervisor itself.

  std::string path() const;
};

/// A message that reached nobody or killed its receiver.
struct dead_message {
  std::string path; ///< Of the receiver.
  std::string reason;
  caf::strong_actor_ptr sender;
  caf::message payload;
  std::string trace_id;
  uint32_t attempts = 1;
  instant at;
  raw_stack stack;
  telemetry::cause_ptr because = nullptr; ///< The event behind it.
};

/// What the rest of the node learns from supervision: history, logs, events, dead letters.
/// Threading: called from many threads, often inside an actor; must neither block nor throw.
class observer {
public:
  virtual ~observer() = default;

  virtual void restarted(const restart_record&) noexcept {}

  /// A child ended for good, or a supervisor gave up (`gave_up`).
  virtual void ended(const place_name& /*where*/, const std::string& /*reason*/,
                     bool /*gave_up*/) noexcept {}

  /// These end because the supervisor was killed, in the order of a shutdown; its restart is told after that. `more`: so
  /// many beyond these.
  virtual void ended_with(const std::string& /*supervisor*/,
                          const std::vector<std::string>& /*paths*/, size_t /*more*/) noexcept {}

  /// A child did not stop in time (`killed`), or did not even react to that and was left behind.
  virtual void stop_overdue(const std::string& /*path*/, bool /*left_behind*/) noexcept {}

  virtual void dead(dead_message&&) noexcept {}
};

} // namespace coppice::supervision
