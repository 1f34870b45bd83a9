#include "runtime/node/surroundings.hpp"

#include "runtime/node/node_impl.hpp"
#include "runtime/telemetry/install.hpp"

namespace coppice {

/// Only what stays in the process: no folder, log, server or link.
result<void> node::impl::prepare_inside() {
  worker = std::make_unique<background>();
  file = instead->file;
  if (auto ok = open_store(); !ok)
    return ok;
  dead_letter_sink = std::make_shared<events::dead_letter_sink>(dead_letters, nullptr, self.name());
  system_config = std::make_unique<node_system_config>(&self);
  telemetry::install(*system_config);
  if (instead->configure)
    instead->configure(*system_config);
  system = std::make_unique<caf::actor_system>(*system_config);
  system->await_actors_before_shutdown(false);
  questions = std::make_unique<asker>(*system);
  prepared = true;
  return {};
}

} // namespace coppice
