#pragma once

#include "runtime/admin/api.hpp"

#include <functional>
#include <set>
#include <string>
#include <vector>

namespace coppice::admin {

/// Which of the records that were read again are new. Records are ordered by their `at`; of those with the newest `at` all
/// are remembered, since more of the same instant may follow. Pure.
class fresh_filter {
public:
  explicit fresh_filter(std::string after) : at_(std::move(after)), includes_at_(at_.empty()) {}

  /// True once a record.
  bool take(const std::string& at, const std::string& text);

  /// Where to read on from; empty: from the beginning.
  const std::string& at() const { return at_; }

private:
  std::string at_;
  bool includes_at_;
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

/// Answers with server-sent events until the client goes. Ids are instants; Last-Event-ID continues behind one.
void answer_tail(const api_ptr& a, call c, tail_source from);

} // namespace coppice::admin
