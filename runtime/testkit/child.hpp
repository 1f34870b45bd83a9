#pragma once

#include "runtime/testkit/world.hpp"

#include <caf/actor.hpp>
#include <caf/type_id.hpp>

namespace coppice::testkit {

/// A place in the world's tree: survives restarts of the actor that is in it. Must not outlive its world.
/// Errors: testkit::failure; what acts, works until the world is at rest.
class child {
public:
  child(world& in, std::string path) : world_(&in), path_(std::move(path)) {}

  const std::string& path() const { return path_; }

  /// Fails when nothing runs there.
  caf::actor handle() const;
  operator caf::actor() const { return handle(); }

  // -- what the supervisor knows --------------------------------------------------------------------------------------

  bool exists() const; ///< False once the supervisor has dropped it.
  supervision::child_state state() const;
  uint32_t incarnation() const; ///< From 1.
  uint32_t restarts() const;
  std::string last_reason() const; ///< Why it ended the last time; empty when it never did.
  uint64_t mailbox() const;        ///< User messages waiting.
  std::vector<supervision::restart_record> history() const; ///< Of restarts, oldest first.
  supervision::tree_entry entry() const;

  /// What its `describe()` says; null when it has none. Works until the world is at rest.
  json::value described() const;

  // -- by hand --------------------------------------------------------------------------------------------------------

  void crash(std::string reason = "fault drill"); ///< As if a handler had thrown.
  void kill();
  void restart();
  void stop();
  void suspend();
  void resume();

  /// The next `times` messages of type T that it is given make its handler throw, before any of its own code runs.
  template <class T>
  void crash_on(size_t times = 1, std::string reason = "injected crash") {
    inject(caf::type_id_v<T>, times, std::move(reason));
  }

private:
  void inject(caf::type_id_t type, size_t times, std::string reason);
  void command(supervision::supervisor_command::kind what, std::string reason = {});
  supervision::located where() const;

  world* world_;
  std::string path_;
};

template <class Args>
  requires(!std::is_convertible_v<const Args&, std::string_view>)
child world::child(std::string_view type, const Args& args, supervision::child_spec spec) {
  return child(type, json::serialize(json::to_json(args)), std::move(spec));
}

template <class F, class... Ts>
child world::child_of(supervision::child_spec spec, F fun, Ts... args) {
  return start(std::move(spec), supervision::make_recipe(std::move(fun), std::move(args)...));
}

template <class T>
  requires(!std::is_convertible_v<const T&, std::string>)
void world::publish(std::string subject, std::string type, const T& data) {
  publish(std::move(subject), std::move(type), json::serialize(json::to_json(data)));
}

} // namespace coppice::testkit
