#pragma once

#include "runtime/base/prng.hpp"
#include "runtime/base/result.hpp"
#include "runtime/cluster/member.hpp"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace coppice::cluster {

/// When something happens, by both clocks: deadlines go by `monotonic`, records by `wall`.
struct moment {
  duration monotonic{0};
  instant wall;
};

/// What nodes tell each other over a link after the join and on every change: who I am now and whom
/// I am linked to.
struct members_message {
  struct neighbour {
    std::string name;
    std::string address;

    bool operator==(const neighbour&) const = default;
  };

  member self;
  std::vector<neighbour> linked;

  bool operator==(const members_message&) const = default;
};

/// JSON text and back. Errors: errc::protocol. Bounds: at most 1024 neighbours, further ones are
/// not sent and not read.
std::string to_json(const members_message& x);
result<members_message> members_message_from_json(std::string_view text);

struct membership_config {
  member self;                    ///< Name, address, roles, version, incarnation, schema.
  std::vector<std::string> seeds; ///< `host:port` each; or this node's name.
  bool allow_alone = false;
  duration down_after = std::chrono::seconds{2};
  duration remove_after = std::chrono::hours{24};
  /// A node that others name and that is never reached.
  duration forget_after = std::chrono::minutes{5};
  duration dial_min = std::chrono::milliseconds{100};
  duration dial_max = std::chrono::seconds{5};
  double jitter = 0.2; ///< Every pause is longer or shorter by up to this part.
};

struct dial_request {
  std::string address;
  std::string expected; ///< The name that must answer; empty for a seed.

  bool operator==(const dial_request&) const = default;
};

/// Who is in the cluster, as far as links tell. Each node is the authority on itself; a lost link
/// makes it suspect at once and down after `down_after`. Being up spreads from a node that may be
/// alone over links.
///
/// Pure: no clock, no I/O. Single owner. Bounds: 1024 members and 1024 addresses to dial; further
/// ones are ignored.
class membership_core {
public:
  membership_core(membership_config config, prng& random);

  /// A link stands and its gate can be used. Fields of `who` as in its hello; `state` is ignored.
  void link_up(member who, moment now);

  /// `silent`: how long before nothing more was heard; zero when the connection was closed.
  void link_lost(const std::string& name, const std::string& reason, duration silent, moment now);

  void told(const std::string& by, const members_message& what, moment now);

  /// It announced that it leaves; its link will be lost soon.
  void leave_announced(const std::string& name, moment now);

  /// A dial that `take_dials` asked for has ended. `answered`: the name of the node there, when it
  /// said its name. `is_self`: this node itself answered.
  void dial_ended(const dial_request& what, const std::string& answered, bool is_self, moment now);

  /// Another node refused us, or we it; becomes an event.
  void refused(const std::string& node, const std::string& address, const error& why, moment now);

  void set_admin_url(std::string url, moment now);

  /// This node leaves: no more dialling.
  void leave(moment now);

  void tick(moment now);

  std::vector<member_event> take_events();
  std::vector<dial_request> take_dials();

  /// Is there something new to tell the others? Resets the flag.
  bool take_changed();
  members_message message() const;

  const member& self() const { return self_; }
  std::vector<member> members() const; ///< By name, this node included.
  bool linked(const std::string& name) const;

private:
  struct peer {
    member info;
    bool linked = false;
    bool was_up = false;
    bool left = false;
    duration deadline{0}; ///< Of suspect, leaving or down.
  };

  struct target {
    bool is_seed = false;
    bool is_self = false;
    bool busy = false;
    std::string expected;
    std::string answers; ///< The node that was met there last.
    duration next{0};
    duration pause{0};
    duration forget_at{0};
  };

  void become(peer& x, member_state state, std::string reason, moment now);
  void emit(member_event::kind what, const member& who, std::string reason = {},
            errc code = errc::none);
  void become_up(moment now);
  void add_target(const std::string& address, const std::string& expected, moment now);
  bool wanted(const std::string& address, const target& x) const;
  void pause_target(target& x, moment now);
  bool own(const std::string& address) const;

  membership_config config_;
  prng& random_;
  member self_;
  std::map<std::string, peer> peers_;
  std::map<std::string, target> targets_; ///< By address.
  std::vector<member_event> events_;
  std::vector<dial_request> dials_;
  bool changed_ = false;
  bool started_ = false;
};

} // namespace coppice::cluster
