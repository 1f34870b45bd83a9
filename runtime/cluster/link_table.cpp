#include "runtime/cluster/link_table.hpp"

#include "runtime/base/assert.hpp"

namespace coppice::cluster {

link_table::link_table(std::string self, duration heartbeat)
  // What is heard within the first heartbeat may have been sent before the process died.
  : self_(std::move(self)),
    proof_after_(heartbeat + heartbeat / 4) {}

void link_table::greeted(connection id, std::string node, std::string incarnation, bool dialled) {
  auto& x = entries_[id];
  x.node = std::move(node);
  x.incarnation = std::move(incarnation);
  x.dialled = dialled;
}

const link_table::entry* link_table::find_link(const std::string& node) const {
  for (const auto& [id, x] : entries_)
    if (x.is_link && x.node == node)
      return &x;
  return nullptr;
}

link_table::answer link_table::decide(connection id, duration now) {
  auto at = entries_.find(id);
  COPPICE_ASSERT(at != entries_.end());
  auto& x = at->second;
  bool decider = self_ < x.node;
  if (const auto* link = find_link(x.node)) {
    if (link->incarnation == x.incarnation)
      return decider ? answer::duplicate : answer::accept;
    if (!x.waits_since)
      x.waits_since = now;
    return link->heard_at >= *x.waits_since + proof_after_ ? answer::name_in_use : answer::wait;
  }
  if (decider && !x.dialled)
    for (const auto& [other, y] : entries_)
      if (other != id && y.dialled && y.node == x.node && y.incarnation == x.incarnation)
        return answer::duplicate;
  return answer::accept;
}

std::optional<link_table::connection> link_table::established(connection id, duration now) {
  auto& x = entries_.at(id);
  std::optional<connection> replaced;
  for (auto& [other, y] : entries_)
    if (other != id && y.is_link && y.node == x.node)
      replaced = other;
  if (replaced)
    entries_.erase(*replaced);
  x.is_link = true;
  x.heard_at = now;
  return replaced;
}

void link_table::heard(connection id, duration now) {
  if (auto at = entries_.find(id); at != entries_.end())
    at->second.heard_at = now;
}

void link_table::closed(connection id) {
  entries_.erase(id);
}

std::optional<link_table::connection> link_table::link_to(const std::string& node) const {
  for (const auto& [id, x] : entries_)
    if (x.is_link && x.node == node)
      return id;
  return std::nullopt;
}

} // namespace coppice::cluster
