#pragma once

#include "runtime/base/duration.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace coppice::cluster {

/// Decides which connection to a node is the link, when several compete. Of two nodes the one with
/// the smaller name is the decider for all connections between them, so both always agree.
///
/// - When both dial at once, the connection dialled by the smaller name stays.
/// - A link that stands is not replaced by another connection of the same process.
/// - Another incarnation waits until the old link is seen to be dead, and then takes its place.
///   When the old link shows life after a whole heartbeat, the name is in use and the newcomer is
///   refused.
///
/// Pure. Single owner. Times are monotonic. Bounds: the shell bounds the number of connections.
class link_table {
public:
  using connection = uint64_t;

  enum class answer : uint8_t { accept, duplicate, name_in_use, wait };

  /// `heartbeat`: a link that lives says something at least that often.
  link_table(std::string self, duration heartbeat);

  /// The other's hello was read on this connection.
  void greeted(connection id, std::string node, std::string incarnation, bool dialled);

  /// May this connection become the link? `wait`: ask again later (after `closed` of another, or
  /// with the next tick).
  answer decide(connection id, duration now);

  /// The preface is done. Returns the connection that must be closed because this one takes its
  /// place.
  std::optional<connection> established(connection id, duration now);

  /// A sign of life on a link.
  void heard(connection id, duration now);

  /// The connection is gone, link or not.
  void closed(connection id);

  /// The link to a node.
  std::optional<connection> link_to(const std::string& node) const;

private:
  struct entry {
    std::string node;
    std::string incarnation;
    bool dialled = false;
    bool is_link = false;
    duration heard_at{0};
    std::optional<duration> waits_since;
  };

  const entry* find_link(const std::string& node) const;

  std::string self_;
  duration proof_after_;
  std::map<connection, entry> entries_;
};

} // namespace coppice::cluster
