#include "runtime/supervision/waits.hpp"

#include <caf/actor_control_block.hpp>

#include <algorithm>
#include <unordered_map>

namespace coppice::supervision {

namespace {

using names =
  std::unordered_map<uint64_t, std::string>; ///< Paths by actor id; empty: still to be found.

// Supervisor by supervisor, so that a large tree is never copied as a whole. Gives the number of
// names still missing.
size_t find_names(const std::shared_ptr<branch>& root, std::string_view path, names& to,
                  size_t missing) {
  auto found = branch::find(root, path);
  if (!found || !found->branch)
    return missing;
  auto note = [&](const caf::strong_actor_ptr& actor, const std::string& where) {
    if (!actor)
      return;
    if (auto i = to.find(actor->id()); i != to.end() && i->second.empty()) {
      i->second = where;
      --missing;
    }
  };
  note(found->actor, found->branch->path());
  auto here = found->branch->snapshot(1);
  for (auto& child : here.children) {
    if (missing == 0)
      break;
    if (child.kind == child_kind::supervisor)
      missing = find_names(root, child.path, to, missing);
    else if (auto worker = branch::find(root, child.path))
      note(worker->actor, child.path);
  }
  return missing;
}

} // namespace

std::vector<telemetry::wait_edge> resolve_waits(const std::shared_ptr<branch>& root,
                                                std::vector<telemetry::open_wait> open) {
  names known;
  for (auto& x : open)
    if (x.to.empty() && x.receiver != 0)
      known.emplace(x.receiver, std::string{});
  if (root && !known.empty())
    find_names(root, root->path(), known, known.size());
  std::vector<telemetry::wait_edge> out;
  out.reserve(open.size());
  for (auto& x : open) {
    auto to = std::move(x.to);
    if (auto i = known.find(x.receiver); to.empty() && i != known.end())
      to = i->second;
    out.push_back({std::move(x.from), std::move(to), std::move(x.type), x.age});
  }
  std::stable_sort(out.begin(), out.end(), [](auto& a, auto& b) { return a.age > b.age; });
  return out;
}

std::vector<telemetry::wait_edge> waits(const std::shared_ptr<branch>& root) {
  return resolve_waits(root, telemetry::wait_registry::waits());
}

} // namespace coppice::supervision
