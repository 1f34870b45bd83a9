#pragma once

#include "runtime/supervision/supervisor_actor.hpp"
#include "tests/bench/frame/program.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>

#include <condition_variable>
#include <mutex>
#include <optional>
#include <string>

namespace coppice::bench {

/// A root supervisor in an actor system with the settings that a node gives it.
class ground {
public:
  /// Returns when the whole tree runs. It is never taken down: the process ends before (run_program).
  /// Throws measurement_failed.
  static ground& start(supervision::supervisor_spec spec);

  /// The running actor there. Throws measurement_failed.
  caf::actor find(std::string_view path) const;

  caf::actor_system_config config;
  caf::actor_system system;
  std::shared_ptr<supervision::observer> observer;
  std::shared_ptr<supervision::branch> root;
  caf::strong_actor_ptr supervisor;

private:
  explicit ground(supervision::supervisor_spec spec);

  std::mutex mutex_;
  std::condition_variable changed_;
  bool started_ = false;
  std::optional<std::string> ended_;
};

/// A worker made by `recipe`, with the defaults of a child spec.
supervision::child_start worker(std::string id, std::shared_ptr<supervision::recipe> recipe);

/// A supervisor with these children.
supervision::child_start branch_of(std::string id, supervision::supervisor_spec spec);

/// The same child with another mailbox limit: rows whose senders do not wait would only measure refusals.
supervision::child_start with_limit(supervision::child_start child, uint32_t limit);

} // namespace coppice::bench
