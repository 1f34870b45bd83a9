#include "runtime/supervision/branch.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/prng.hpp"

#include <caf/actor_cast.hpp>

namespace coppice::supervision {

namespace {

std::vector<child_spec_ptr> specs_of(const supervisor_spec& spec) {
  std::vector<child_spec_ptr> out;
  out.reserve(spec.children.size());
  for (auto& child : spec.children)
    out.push_back(child.spec);
  return out;
}

} // namespace

std::string place_name::path() const {
  std::string out{id.empty() || supervisor != "/" ? supervisor : ""};
  if (!id.empty())
    out.append("/").append(id);
  return out;
}

branch::branch(std::string path, std::shared_ptr<const supervisor_spec> spec,
               std::shared_ptr<supervision::observer> observer, uint64_t seed)
  : path_(std::move(path)),
    spec_(std::move(spec)),
    observer_(std::move(observer)),
    seeds_(seed),
    core_(spec_->flags, specs_of(*spec_), seeds_.next()) {
  slots_.reserve(spec_->children.size());
}

caf::strong_actor_ptr branch::supervisor() const {
  std::lock_guard guard{mutex_};
  return caf::actor_cast<caf::strong_actor_ptr>(supervisor_);
}

std::string branch::path_of(std::string_view id) const {
  return place_name{path_, id}.path();
}

branch::slot& branch::at(child_ref child) {
  if (slots_.size() <= child.slot)
    slots_.resize(child.slot + 1);
  return slots_[child.slot];
}

result<located> branch::find(const std::shared_ptr<branch>& root, std::string_view path) {
  located here{nullptr, root, root->supervisor(), nullptr, {}};
  for (auto segment : path_segments(path)) {
    if (!here.branch) {
      auto worker = here.place ? here.place->path() : std::string{};
      return error{
        errc::not_found, worker + " is a worker and has no children", std::string{path}, {}};
    }
    auto parent = here.branch;
    std::lock_guard guard{parent->mutex_};
    auto child = parent->core_.find(segment);
    if (!child) {
      std::vector<std::string_view> ids;
      for (auto& view : parent->core_.children())
        ids.push_back(view.id);
      return error{errc::not_found, parent->path_ + " has no child '" + std::string{segment} + "'",
                   std::string{path}, nearest_name(segment, ids)};
    }
    auto& slot = parent->at(*child);
    here = {parent, slot.sub, slot.actor, slot.place, *child};
  }
  return here;
}

tree_entry branch::describe(const child_view& view, size_t depth) const {
  auto& slot = slots_[view.child.slot];
  tree_entry out;
  if (slot.sub && depth > 0)
    out = slot.sub->snapshot(depth - 1);
  else if (slot.sub)
    out = slot.sub->snapshot(0);
  out.path = path_of(view.id);
  out.id = view.id;
  out.kind = view.spec->kind;
  out.spec = *view.spec;
  out.state = view.state;
  out.restarts = view.restarts;
  out.incarnation = view.incarnation;
  out.started_at = view.started_at;
  if (slot.place)
    out.mailbox = slot.place->depth();
  if (slot.start.recipe)
    out.type = slot.start.recipe->type();
  else if (out.kind == child_kind::supervisor)
    out.type = "supervisor";
  if (slot.trouble)
    out.last = slot.trouble->last;
  if (slot.trouble && view.state == child_state::suspended)
    out.suspended_since = slot.trouble->suspended_since;
  return out;
}

tree_entry branch::snapshot(size_t depth) const {
  std::lock_guard guard{mutex_};
  tree_entry out;
  out.path = path_;
  out.id = path_ == "/" ? "/" : std::string{last_segment(path_)};
  out.kind = child_kind::supervisor;
  out.type = "supervisor";
  out.state = core_.state();
  out.flags = core_.flags();
  out.restarts_in_window = core_.restarts_in_window(system_clock().monotonic());
  out.incarnation = 1;
  if (depth > 0)
    for (auto& view : core_.children())
      out.children.push_back(describe(view, depth));
  return out;
}

std::optional<tree_entry> branch::entry(child_ref child) const {
  std::lock_guard guard{mutex_};
  auto view = core_.view(child);
  if (!view)
    return std::nullopt;
  return describe(*view, 0);
}

std::optional<child_start> branch::definition(child_ref child) const {
  std::lock_guard guard{mutex_};
  if (!core_.view(child) || child.slot >= slots_.size())
    return std::nullopt;
  return slots_[child.slot].start;
}

std::vector<restart_record> branch::history(std::string_view id) const {
  std::lock_guard guard{mutex_};
  std::vector<restart_record> out;
  auto path = path_of(id);
  for (auto& record : history_)
    if (id.empty() || record.path == path)
      out.push_back(record);
  return out;
}

} // namespace coppice::supervision
