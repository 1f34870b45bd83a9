#include "tests/bench/actors_ground.hpp"

#include "runtime/scheduling/install.hpp"
#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/telemetry/install.hpp"

#include <caf/actor_cast.hpp>

#include <algorithm>
#include <thread>

namespace coppice::bench {

using namespace supervision;

namespace {

caf::actor_system_config& prepare(caf::actor_system_config& x) {
  init_supervision_types();
  scheduling::install(x);
  telemetry::install(x);
  x.set("caf.scheduler.max-throughput", 300);
  x.set("caf.scheduler.max-threads", std::max(2u, std::thread::hardware_concurrency()));
  return x;
}

} // namespace

ground::ground(supervisor_spec spec)
  : system(prepare(config)),
    observer(std::make_shared<supervision::observer>()),
    root(
      std::make_shared<branch>("/", std::make_shared<supervisor_spec>(std::move(spec)), observer)) {
  auto note = [this](auto f) {
    std::lock_guard guard{mutex_};
    f();
    changed_.notify_all();
  };
  supervisor =
    spawn_root(system, root,
               {[this, note] { note([this] { started_ = true; }); },
                [this, note](const end_info& why) { note([&] { ended_ = why.reason; }); }});
  supervisor_command start;
  start.what = supervisor_command::kind::start;
  send_command(supervisor, start);
  std::unique_lock guard{mutex_};
  changed_.wait(guard, [this] { return started_ || ended_; });
  if (ended_)
    throw measurement_failed{"the tree did not start: " + *ended_};
}

ground& ground::start(supervisor_spec spec) {
  return *new ground(std::move(spec));
}

caf::actor ground::find(std::string_view path) const {
  auto where = branch::find(root, path);
  if (!where)
    throw measurement_failed{to_string(where.error())};
  return caf::actor_cast<caf::actor>(where->actor);
}

child_start worker(std::string id, std::shared_ptr<recipe> recipe) {
  child_spec spec;
  spec.id = std::move(id);
  return {std::make_shared<child_spec>(std::move(spec)), std::move(recipe), nullptr};
}

child_start branch_of(std::string id, supervisor_spec children) {
  child_spec spec;
  spec.id = std::move(id);
  spec.kind = child_kind::supervisor;
  return {std::make_shared<child_spec>(std::move(spec)), nullptr,
          std::make_shared<supervisor_spec>(std::move(children))};
}

child_start with_limit(child_start child, uint32_t limit) {
  auto spec = *child.spec;
  spec.mailbox.limit = limit;
  child.spec = std::make_shared<child_spec>(std::move(spec));
  return child;
}

} // namespace coppice::bench
