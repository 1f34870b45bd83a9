#pragma once

#include <caf/actor.hpp>
#include <caf/fwd.hpp>

#include <cstddef>
#include <cstdint>
#include <string>

namespace coppice {

/// Requests under way to other nodes. No answer comes over a link that is lost, so with the link each of them is answered
/// with errc::node_down; CAF leaves them open. Which ones are open is on the list of the actor that asked
/// (telemetry::open_requests), so what is kept here is only who asked over which link. An actor outside of the tree has no
/// list: its last requests are kept, and CAF drops the answer to one that nobody waits for any more.
/// Threading: thread-safe; one lock and O(1) for a request.
/// Bounds: latest_max requests of each actor outside of the tree to each node; those before keep their own deadline. As many
/// askers as live, and at most as many again that have gone.
class remote_requests {
public:
  static constexpr size_t latest_max = 1000;

  /// Before a request goes to the gate of another node; other messages are not looked at. `receiver`: of
  /// wait_registry::receiver_named, for a name that begins with `NODE:`; 0: it has none. Once the gate is gone the answer
  /// is given inside this call.
  static void note(const caf::mailbox_element& x, const caf::actor& gate, const std::string& node,
                   uint64_t receiver);

  /// Who is remembered for a gate, for tests.
  static size_t askers(const caf::actor& gate);
};

} // namespace coppice
