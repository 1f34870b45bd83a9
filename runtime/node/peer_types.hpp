#pragma once

#include "runtime/base/result.hpp"
#include "runtime/json/schema_table.hpp"

#include <caf/message.hpp>

#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

namespace coppice {

/// Which of this program's message types other nodes do not have: the wire carries type ids, and a node drops what it
/// cannot read, so such a message must fail where it is sent. Asked for messages to paths; what goes through a handle of
/// CAF, answers too, is not looked at and is lost on the other side.
/// Threading: thread-safe. Costs one relaxed load while all nodes have the same types.
class peer_types {
public:
  /// The tables of this node and of one that is about to join.
  void learn(const json::schema_table& mine, const json::schema_table& theirs);

  /// A node has the types of that fingerprint.
  void is_at(const std::string& node, const std::string& fingerprint);

  /// Errors: errc::unknown_type_at_peer, naming type and node.
  result<void> check(std::string_view node, const caf::message& x) const {
    return differ_.load(std::memory_order_relaxed) ? look(node, x) : result<void>{};
  }

private:
  result<void> look(std::string_view node, const caf::message& x) const;

  mutable std::mutex mutex_;
  std::atomic<bool> differ_{false};
  std::map<std::string, std::set<uint16_t>> lacking_;            ///< By fingerprint.
  std::map<std::string, std::string, std::less<>> fingerprints_; ///< By node.
};

} // namespace coppice
