#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/errc.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::cluster {

/// What one node holds about a node. `joining` and `leaving` are what the node says about itself;
/// `suspect` and `down` are what the observer concludes.
enum class member_state : uint8_t { joining, up, suspect, leaving, down, removed };

std::string_view to_string(member_state x);
std::optional<member_state> member_state_from_string(std::string_view name);

/// One node of the cluster as this node sees it.
struct member {
  std::string name;
  member_state state = member_state::joining;
  instant since; ///< When it entered `state`, by this node's clock.
  std::vector<std::string> roles;
  std::string address;   ///< `host:port` where other nodes reach it.
  std::string admin_url; ///< Empty until the node has one.
  std::string version;   ///< Of Coppice.
  /// Start of its process in ns since 1970, decimal; differs after every start.
  std::string incarnation;
  std::string schema; ///< Fingerprint of its wire types.
  std::string reason; ///< Why it is suspect or down; else empty.

  bool operator==(const member&) const = default;
};

/// A change that observers see, in the order in which it happened on this node.
struct member_event {
  enum class kind : uint8_t {
    joining, ///< A node is linked but does not count itself in yet.
    up,      ///< It takes part; its gate can be had from now on.
    suspect, ///< Its link is lost.
    leaving, ///< It announced that it leaves.
    down,    ///< It left, or did not come back in time.
    removed, ///< It was down for so long that it is forgotten.
    changed, ///< Roles, address or admin URL changed.
    /// Another node refused this one; `code` says why. `already_exists`: our name is in use.
    join_refused,
  };

  kind what = kind::joining;
  member who;         ///< For `join_refused` only name and address, as far as they are known.
  std::string reason; ///< In words; empty for `up`, `joining` and `changed`.
  errc code = errc::none;
};

std::string_view to_string(member_event::kind x);

/// The event that announces a state.
member_event::kind kind_of(member_state x);

} // namespace coppice::cluster
