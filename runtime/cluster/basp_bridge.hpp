#pragma once

#include "runtime/base/result.hpp"

#include <caf/actor.hpp>
#include <caf/actor_system.hpp>
#include <caf/node_id.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <string>

/// Everything that knows CAF's insides about connections between nodes, so that a port to another
/// version stays small.
namespace coppice::cluster {

/// Another node as CAF sees it.
struct remote_gate {
  caf::actor gate;
  caf::node_id node;
};

/// Hands streams to CAF's binary protocol and exchanges the two gates over them.
/// Threading: all methods on one thread (the link thread); callbacks come from CAF's threads.
class basp_bridge {
public:
  using callback = std::function<void(result<remote_gate>)>;

  /// Takes the services away from CAF's registry that would let any node spawn actors here or read
  /// settings.
  basp_bridge(caf::actor_system& system, caf::actor gate);

  /// Takes `fd` over; `answer` comes once, at latest after some seconds. A connection that was made
  /// before under the same name is cleaned up first: CAF refuses a second one to the same process.
  void connect(const std::string& name, int fd, bool initiator, callback answer);

  /// Asks how many bytes CAF holds for a node because its stream is full; CAF itself knows no
  /// bound. `answer` comes soon, unless the connection is gone.
  void backlog(const std::string& name, std::function<void(size_t)> answer);

  /// Lets go of the gate after the last link. CAF's registry pins every actor that a remote one
  /// knows, and one that is still pinned when the actor system ends makes the registry wait for its
  /// own lock for ever.
  void release();

private:
  void forget(int64_t connection);

  caf::actor_system& system_;
  caf::actor gate_;
  /// CAF's number of the last connection to each node.
  std::map<std::string, int64_t> connections_;
};

} // namespace coppice::cluster
