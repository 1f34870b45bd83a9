#include "runtime/scheduling/install.hpp"

#include "runtime/scheduling/work_stealing.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scheduler/coordinator.hpp>

namespace coppice::scheduling {

void install(caf::actor_system_config& settings) {
  settings.module_factories.emplace_back(
    [](caf::actor_system& system) -> caf::actor_system::module* {
      return new caf::scheduler::coordinator<work_stealing>(system);
    });
}

} // namespace coppice::scheduling
