#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/result.hpp"
#include "runtime/supervision/core/supervisor_core.hpp"
#include "runtime/supervision/fwd.hpp"
#include "runtime/supervision/stack_trace.hpp"
#include "runtime/telemetry/wait_registry.hpp"

#include <caf/actor_addr.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

/// What a supervisor, its children and its callers say to each other inside one process.
namespace coppice::supervision {

/// From a supervisor to a supervised actor; always urgent, handled before any user code.
struct cell_command {
  enum class kind : uint8_t {
    restart, ///< Build new state behind the same handle and mailbox.
    stop,    ///< Run the stop hook, then wait for `restart` or `end`.
    kill,    ///< As stop, without the hook, and it is a crash.
    end,     ///< Terminate the CAF actor for good: monitors hear of it.
    suspend, ///< Handle no user message until `resume`.
    resume,
    crash, ///< A fault drill: throw inside the actor.
    wake,  ///< Nothing; starts an actor that takes the place of another.
  };

  kind what = kind::end;
  std::string reason;
  bool for_good = false; ///< With `stop`: no restart follows, so it ends without waiting for `end`.
};

/// From a supervised actor or a child supervisor to its supervisor.
struct child_report {
  enum class kind : uint8_t { started, start_failed, ended };

  /// Only of crashes: a report of something ordinary stays small.
  struct circumstances {
    std::string message_type; ///< What it was handling when it ended; empty outside a message.
    std::string trace_id;
    raw_stack stack; ///< At the throw.
  };

  kind what = kind::started;
  bool came_up = false; ///< With `ended`: it had just started, and says both at once.
  bool gone = false;    ///< With `ended`: its actor ends by itself and cannot be restarted.
  child_ref child;
  exit_info exit;
  instant at;
  std::shared_ptr<const circumstances> crash; ///< May be null.
};

/// What is to be started under a supervisor: its spec and how to make it.
struct child_start {
  child_spec_ptr spec;
  std::shared_ptr<const supervision::recipe> recipe; ///< A worker; or
  std::shared_ptr<const supervision::supervisor_spec>
    supervisor; ///< a supervisor with its children.
};

/// Commands that people and programs give to a supervisor; requests are answered when the command is finished.
struct supervisor_command {
  enum class kind : uint8_t {
    start,     ///< From the parent: start the initial children.
    shutdown,  ///< From the parent: stop everything, then end.
    add_child, ///< `id`, `before` and, but for simple_one_for_one, `child`.
    restart,
    stop,   ///< Keeps the spec.
    remove, ///< Stops when needed and drops the spec.
    kill,
    crash,
    suspend,
    resume,
    update_spec,
    update_flags,
  };

  kind what = kind::start;
  std::string id;
  child_start child;
  supervisor_flags flags;
  std::string reason;
  /// The new child starts in front of the first of these that the supervisor has; at the end when it has none.
  std::vector<std::string> before;
};

/// Asks an actor for the state that it describes by itself; urgent, answered by `description`.
struct describe_query {};

struct description {
  std::string json; ///< Empty: the actor describes nothing.
  uint32_t pending_requests = 0;
  uint32_t timers = 0;
  uint32_t links = 0;
  std::vector<telemetry::open_wait>
    waits; ///< Requests without an answer; receivers by actor id (waits.hpp).
  std::vector<duration>
    timers_due; ///< Time until each timer fires, soonest first; at most `lists_max`.
  std::vector<caf::actor_addr> linked; ///< At most `lists_max`.
  std::vector<caf::actor_addr>
    monitored; ///< Whose end this incarnation wants to hear of; at most `lists_max`.
  std::optional<duration>
    oldest_message;        ///< How long the first waiting message waits; only known while watched.
  std::string oldest_type; ///< Of the first waiting message; empty when none waits.

  static constexpr size_t lists_max = 100;
};

} // namespace coppice::supervision
