#pragma once

#include "runtime/base/substitute.hpp"
#include "runtime/node/surroundings.hpp"
#include "runtime/testkit/hooks.hpp"
#include "runtime/testkit/memory_bus.hpp"
#include "runtime/testkit/memory_file.hpp"
#include "runtime/testkit/stepper.hpp"
#include "runtime/testkit/world.hpp"

#include <mutex>

namespace coppice::testkit {

/// What supervision tells the world.
class world_observer final : public supervision::observer {
public:
  explicit world_observer(const json::codec_context*& codec) : codec_(codec) {}

  void dead(supervision::dead_message&& x) noexcept override;
  void add(dead_letter x);
  std::vector<dead_letter> all() const;

private:
  const json::codec_context*& codec_;
  mutable std::mutex mutex_;
  std::vector<dead_letter> letters_;
};

/// Goes away with its owner.
class temp_folder {
public:
  temp_folder();
  ~temp_folder();
  temp_folder(const temp_folder&) = delete;
  temp_folder& operator=(const temp_folder&) = delete;

  const std::string& path() const { return path_; }

private:
  std::string path_;
};

/// Fails when there is another.
class only_world {
public:
  only_world();
  ~only_world();
};

struct world::impl {
  impl(std::initializer_list<extension> parts, options how);
  ~impl();

  bool step();
  size_t run();
  bool advance(duration x, const std::function<bool()>& condition);

  /// The supervisor command, worked through. Errors: as node::command.
  result<caf::strong_actor_ptr> command(const std::string& path, supervision::supervisor_command x);

  // In the order of their making.
  only_world alone;
  options how;
  temp_folder folder; ///< The node's data folder, for actors that keep files.
  world_clock time;
  substitute instead_of_the_system;
  hooks calls;
  const json::codec_context* codec = nullptr;
  std::shared_ptr<world_observer> observer;
  std::shared_ptr<memory_bus> bus;
  std::unique_ptr<coppice::node> node;
};

/// `{"type":...}` as one line for failures: `shop.sale {"item":"apple","cents":250}`.
std::string describe(const caf::message& x, const json::codec_context* codec);

} // namespace coppice::testkit
