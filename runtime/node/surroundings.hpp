#pragma once

#include "runtime/node/node.hpp"
#include "runtime/supervision/observer.hpp"

#include <caf/fwd.hpp>

#include <functional>
#include <memory>
#include <string>

namespace coppice {

/// Where a node's events go and come from.
/// Threading: thread-safe.
class event_bus {
public:
  virtual ~event_bus() = default;

  /// As node::publish.
  virtual void publish(std::string subject, events::event x, node::publish_callback done) = 0;

  /// As node::subscribe.
  virtual result<std::unique_ptr<event_subscription>>
  subscribe(const caf::actor& to, std::string subject, subscription_options options) = 0;
};

/// What a test puts in the place of a node's data folder, log, NATS, links and threads (runtime/testkit). The tree, the
/// catalog and everything that an actor asks its node for stay as they are.
struct node_surroundings {
  std::shared_ptr<event_bus> bus;           ///< Required.
  std::shared_ptr<store::sqlite_file> file; ///< Of event store and dead letters; required.
  std::shared_ptr<supervision::observer>
    observer; ///< Hears of restarts and dead letters; required.
  /// Chooses the scheduler; called before the actor system starts.
  std::function<void(caf::actor_system_config&)> configure;
};

} // namespace coppice
