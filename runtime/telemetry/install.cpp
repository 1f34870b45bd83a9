#include "runtime/telemetry/install.hpp"

#include "runtime/telemetry/log.hpp"
#include "runtime/telemetry/profiler.hpp"
#include "runtime/telemetry/running.hpp"
#include "runtime/telemetry/trace_data.hpp"

#include <caf/actor_system_config.hpp>

#ifndef CAF_ENABLE_ACTOR_PROFILER
#error "this CAF was built without CAF_ENABLE_ACTOR_PROFILER: traces, waits and counts need it"
#endif

namespace coppice::telemetry {

namespace {

log::context running_context() {
  return {running_path(), current_trace().trace_id()};
}

} // namespace

void install(caf::actor_system_config& settings) {
  static profiler hooks;
  static trace_data_factory factory;
  settings.profiler = &hooks;
  settings.tracing_context = &factory;
  log::set_context_function(&running_context);
}

} // namespace coppice::telemetry
