#pragma once

#include "runtime/admin/api.hpp"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::admin {

/// How far a node's records were sent.
struct tail_place {
  std::string at;     ///< Of the newest; empty: none yet.
  uint32_t count = 0; ///< How many of that instant; 0: all that there are.

  bool operator==(const tail_place&) const = default;
};

/// The id of an event in a stream over several nodes: one place a node, since records of one come later than those of
/// another and clocks differ. Text: `*=SINCE,alpha=INSTANT+COUNT,...`.
struct tail_mark {
  std::string since; ///< Where nodes are read from that are not among these.
  std::map<std::string, tail_place> nodes;

  bool operator==(const tail_mark&) const = default;
};

std::string to_text(const tail_mark& x);

/// Nothing when it is no such id.
std::optional<tail_mark> parse_mark(std::string_view text);

/// Which of the records that were read again are new. Records are ordered by their `at`; of those with the newest `at` all
/// are remembered, since more of the same instant may follow. Pure.
class fresh_filter {
public:
  /// The records up to that place were sent before.
  explicit fresh_filter(tail_place after) : at_(std::move(after.at)), skip_(after.count) {
    includes_at_ = at_.empty() || skip_ > 0;
  }

  /// True once a record.
  bool take(const std::string& at, const std::string& text);

  /// Where to read on from; empty: from the beginning.
  const std::string& at() const { return at_; }

  tail_place place() const { return {at_, skip_ + static_cast<uint32_t>(seen_.size())}; }

private:
  std::string at_;
  uint32_t skip_ = 0; ///< So many of that instant were sent in an earlier stream and come again.
  bool includes_at_ = true;
  std::set<std::string> seen_;
};

/// A stream of records with `at` that is read from this node's memory and from the other nodes several times a second,
/// from these by the route itself with `since`.
struct tail_source {
  /// Records of this node from `since` on, oldest first.
  std::function<json::array(instant since)> local;

  /// This node takes part, and others do.
  bool here = true;
  bool others = false;

  /// Instead of all others: only this one.
  std::string only_node;

  instant since;
};

/// Answers with server-sent events until the client goes. Ids are marks; Last-Event-ID continues behind one, or behind
/// an instant.
void answer_tail(const api_ptr& a, call c, tail_source from);

} // namespace coppice::admin
