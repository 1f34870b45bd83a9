#pragma once

#include "runtime/supervision/cell.hpp"

#include <caf/mailbox_element.hpp>
#include <caf/node_id.hpp>

#include <map>
#include <set>
#include <string>

// Shared by the sources of `cell` and by nothing else.
namespace coppice::supervision {

/// A message that killed the actor and may be tried again.
struct cell::poison {
  caf::mailbox_element_ptr element;
  uint32_t attempts = 1;
};

/// Opens the protected members of any scheduled actor: a pointer to member formed through a derived class is one to the
/// base class's member.
struct cell::access : caf::scheduled_actor {
  static auto& behaviors(scheduled_actor& x) { return x.*&access::bhvr_stack_; }
  static auto& awaited(scheduled_actor& x) { return x.*&access::awaited_responses_; }
  static auto& multiplexed(scheduled_actor& x) { return x.*&access::multiplexed_responses_; }
  static auto& receive_timeout(scheduled_actor& x) { return x.*&access::pending_timeout_; }
  static auto& mailbox(scheduled_actor& x) { return x.*&access::mailbox_; }
  static auto& fail_state(scheduled_actor& x) { return x.*&access::fail_state_; }
  static auto& on_unhandled(scheduled_actor& x) { return x.*&access::default_handler_; }
};

/// Links and monitors that this incarnation made, and what is still to come from those that earlier ones made.
/// Bounds: those that ended are dropped whenever the number of entries has doubled; `stale_max` others.
struct cell::ties {
  static constexpr size_t stale_max = 10'000;
  static constexpr size_t first_look = 1'000;

  std::set<caf::actor_addr> links;
  std::map<caf::actor_addr, uint32_t>
    monitored; ///< How often: each call makes a monitor of its own.
  std::set<caf::node_id> nodes;
  std::map<caf::actor_addr, uint32_t> stale_downs; ///< Messages that are on their way for nobody.
  std::set<caf::actor_addr> stale_exits;
  size_t look_again_at = first_look; ///< Entries.
  bool nodes_undone = false;
};

/// Type and text, as reasons show it.
std::string describe_exception(const std::exception_ptr& what);

std::string trace_id_of(const caf::mailbox_element& x);

/// The event behind a message; null when there is none.
telemetry::cause_ptr cause_of(const caf::mailbox_element& x);

/// Makes a dead letter of the message that `a` works on and has no handler for; a request's sender gets the error alone.
caf::skippable_result not_accepted(caf::scheduled_actor& a, const std::string& path,
                                   observer& watcher, const caf::message& x);

/// The handler of a supervised actor that sets none: CAF's would print to stderr and forget the message.
caf::skippable_result bury_unhandled(caf::scheduled_actor* a, caf::message& x);

/// Asked after every message.
inline bool cell::quits() {
  auto& a = *me_;
  return !a.alive() || a.getf(caf::abstract_actor::is_shutting_down_flag);
}

} // namespace coppice::supervision
