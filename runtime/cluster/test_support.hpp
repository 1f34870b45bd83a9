#pragma once

#include "runtime/cluster/cluster.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/behavior.hpp>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

/// For this module's tests only. What fails here throws std::runtime_error and is no assertion:
/// Catch2 allows those on the test's own thread only, and some tests make nodes on others.
namespace coppice::cluster {

struct temporary_folder {
  temporary_folder();
  explicit temporary_folder(std::filesystem::path foreign)
    : path(std::move(foreign)),
      ours(false) {}
  ~temporary_folder();
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;

  std::filesystem::path path;
  bool ours = true; ///< Removed at the end.
};

/// Certificates for as many nodes as a test wants, from one authority.
struct test_pki {
  test_pki();
  /// Uses what another process made.
  explicit test_pki(const std::string& existing);
  pki::files files(const std::string& node) const;

  temporary_folder folder;
};

/// Answers numbers and texts; counts numbers that come in order.
caf::behavior gate_of_a_test(caf::event_based_actor* self);

/// One node in this process: an actor system of its own, a gate that answers numbers and texts, and
/// what happened.
class test_node {
public:
  static constexpr auto patience = std::chrono::seconds{20};

  test_node(const test_pki& keys, const std::string& name, std::vector<std::string> seeds,
            bool alone = false, const std::function<void(options&)>& adjust = {});
  ~test_node();

  /// Waits for an event that this call has not seen yet. False after `patience`.
  bool saw(member_event::kind what, const std::string& node,
           std::chrono::milliseconds limit = patience);

  /// Waits for a line of the log that contains `text`.
  bool logged(const std::string& text, std::chrono::milliseconds limit = patience);

  /// Waits until `condition` holds; looks again after every event, line and some milliseconds.
  bool until(const std::function<bool()>& condition, std::chrono::milliseconds limit = patience);

  std::vector<member_event> events();
  std::string lines(); ///< The log, for a test that fails.
  std::string address() const { return "127.0.0.1:" + std::to_string(port); }
  member_state state_of(const std::string& node) const;

  /// An address on this machine that nobody listens on at the moment.
  static std::string free_address();

  caf::actor_system_config config;
  std::unique_ptr<caf::actor_system> system;
  caf::actor gate;
  std::unique_ptr<cluster> part;
  uint16_t port = 0;

private:
  template <class F>
  bool wait(std::chrono::milliseconds limit, F condition);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<member_event> events_;
  std::vector<std::string> lines_;
  size_t seen_ = 0;
};

} // namespace coppice::cluster
