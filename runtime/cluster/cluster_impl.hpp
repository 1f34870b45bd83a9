#pragma once

// Internal to cluster*.cpp.

#include "runtime/cluster/basp_bridge.hpp"
#include "runtime/cluster/cluster.hpp"
#include "runtime/cluster/link.hpp"
#include "runtime/cluster/membership_core.hpp"

#include <mutex>
#include <set>

namespace coppice::cluster {

inline constexpr std::string_view leave_message = R"({"type":"leave"})";

/// Puts the parts together. All protocol state lives on the link thread; what other threads ask is
/// a copy under a mutex.
class cluster::impl : public std::enable_shared_from_this<impl> {
public:
  /// What other threads see.
  struct picture {
    std::vector<member> members;
    member self;
    std::vector<link_info> links;
    std::map<std::string, uint64_t> refusals;
  };

  explicit impl(options config);

  result<uint16_t> start(caf::actor_system& system, caf::actor gate,
                         std::string (*address_for_others)(const options&, uint16_t));
  void leave(duration flush_time_max, std::function<void()> done);
  void stop();

  template <class F>
  auto read(F f) const {
    std::lock_guard guard{mutex_};
    return f(picture_);
  }

  const options& config() const { return config_; }
  link_server& links() { return *links_; }
  result<caf::actor> gate_of(std::string_view node) const;
  std::string name_of(const caf::node_id& id) const;
  bool has_link(std::string_view node) const;
  subscription subscribe(std::function<void(const member_event&)> callback);
  void unsubscribe(subscription id);
  void set_admin_url(const std::string& url);
  result<void> reload_certificates();

  /// Runs `work` with this object on the link thread, soon; not at all before `start` and after
  /// `stop`.
  void run(std::function<void(impl&)> work);

private:
  /// A link on its way to be of use: its gate is not there yet.
  struct connection {
    uint64_t id = 0;
    hello peer;
    bool ready = false;
    std::vector<std::string> early; ///< Control messages that came before the gate.
  };

  using callback = std::shared_ptr<std::function<void(const member_event&)>>;

  link_settings settings() const;
  link_callbacks callbacks();
  membership_config membership(const std::string& address) const;
  join_config join() const;
  void on_joined(link_joined x);
  void on_gate(const std::string& node, uint64_t id, const result<remote_gate>& answer);
  void on_lost(const std::string& node, const std::string& reason, duration silent);
  void on_refused(const std::string& remote, const refusal& why);
  void on_dial_ended(const dial_result& x);
  void on_control(const std::string& node, std::string_view json);
  void take_control(const std::string& node, std::string_view json);
  void on_busy(const std::string& node, uint64_t id, duration stalled);
  void on_tick();
  void settle();
  void publish(const std::vector<member_event>& events);
  void tell_refusal(const std::string& node, const std::string& address, const refusal& why);
  void tell_turned_away();
  void log(bool warning, const std::string& line);
  moment now() const;

  options config_;
  prng random_;

  // On the link thread.
  std::unique_ptr<membership_core> core_;
  std::unique_ptr<basp_bridge> bridge_;
  std::map<std::string, connection> connections_;
  /// What was last said about an address that could not be joined, and when (monotonic).
  struct told {
    std::string words;
    duration at{0};
  };
  std::map<std::string, told> told_refusals_;
  refusal_digest turned_away_;
  bool was_linked_ = false; ///< Has been a member together with another.
  duration log_window_{0};
  int log_lines_ = 0;
  uint64_t log_dropped_ = 0;

  // Anywhere, under the mutex.
  mutable std::mutex mutex_;
  picture picture_;
  std::map<std::string, remote_gate, std::less<>> gates_;
  caf::actor own_gate_;
  std::map<subscription, callback> subscribers_;
  std::set<subscription> cancelled_; ///< Before they began.
  subscription next_subscription_ = 1;

  std::mutex life_mutex_;
  std::shared_ptr<link_server> links_;
};

} // namespace coppice::cluster
