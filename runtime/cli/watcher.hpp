#pragma once

#include "runtime/base/result.hpp"
#include "runtime/cli/cli.hpp"
#include "runtime/cli/dev_plan.hpp"
#include "runtime/cli/dev_state.hpp"
#include "runtime/events/nats_server.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace coppice::cli {

/// Owns a development cluster: starts nats-server and the nodes that are missing, notices their ends, starts NATS (and, on
/// request, nodes) again, stops everything in order. One process a folder, by a lock.
/// Driven by tick(), 20 times a second or less; nothing blocks but open(), start_missing() and stop().
class watcher {
public:
  /// Takes the folder's lock. Errors: errc::in_use with the owner's pid, errc::storage.
  static result<std::unique_ptr<watcher>> open(const cli_environment& env, std::string folder);
  ~watcher();
  watcher(const watcher&) = delete;
  watcher& operator=(const watcher&) = delete;

  /// Reads DIR/up.json and starts what does not run: certificates, nats-server, nodes. Writes down that it did.
  result<void> carry_out();

  /// Reaps, restarts, and writes DIR/cluster.json when something changed.
  void tick();

  /// Nodes in reverse order, then NATS. Gives the names of what had to be killed. `hurry` is asked again and again: true
  /// kills at once.
  std::vector<std::string> stop(duration grace, const std::function<bool()>& hurry);

  const dev_cluster& state() const { return state_; }

private:
  watcher(const cli_environment& env, std::string folder, int lock);

  result<void> start_missing(const dev_request& wanted);
  void bury(dev_node& node);
  result<void> plan_nodes(const dev_request& wanted);
  result<void> plan_own_file(const dev_request& wanted);
  result<void> plan_nats();
  result<void> make_certificates(const std::string& node);
  result<void> start_node(dev_node& node);
  void respawn(dev_node& node);
  void save();

  struct retry {
    duration at{};      ///< When to try again; 0: not planned.
    duration started{}; ///< The last try.
    duration delay = std::chrono::milliseconds{200};
  };

  const cli_environment& env_;
  int lock_;
  dev_cluster state_;
  std::map<std::string, std::map<std::string, std::string>> settings_; ///< Variables of each node.
  bool own_nats_ = true;
  std::unique_ptr<events::nats_server> nats_;
  std::map<std::string, retry> retries_;
  bool changed_ = false;
};

/// Is somebody watching over this folder? Their process; pid 0: nobody.
process_ref watcher_of(const std::string& folder);

/// `up-watch DIR`: the loop of a detached watcher. Returns the exit status.
int run_watcher(const cli_environment& env, const std::string& folder);

} // namespace coppice::cli
