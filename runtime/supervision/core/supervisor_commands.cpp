#include "runtime/supervision/core/spec_check.hpp"
#include "runtime/supervision/core/supervisor_core.hpp"

namespace coppice::supervision {
namespace {

/// Commands that may wait for one child.
constexpr size_t waiting_max = 1000;

error not_found() {
  return {errc::not_found, "the supervisor has no such child", "", ""};
}

error ending() {
  return {errc::actor_stopped, "the supervisor is ending", "", ""};
}

error refused(const child_record& rec, std::string_view why) {
  return {errc::refused, "child '" + rec.id + "' " + std::string{why}, rec.id, ""};
}

} // namespace

// What every command on a child asks first; `waits` says that it may have to wait for the child.
result<uint32_t> supervisor_core::admit(child_ref child, bool waits) const {
  if (!table_.is_live(child.slot, child.generation))
    return not_found();
  if (is_over())
    return ending();
  const auto& rec = table_[child.slot];
  if (auto* extra = waits ? find_rare(child.slot) : nullptr;
      extra && extra->waiting.size() >= waiting_max)
    return refused(rec, "has too many commands waiting");
  return child.slot;
}

// A sequence goes on with the same children when all get new order numbers.
void supervisor_core::make_room_before(uint32_t slot) {
  if (table_.has_room_before(slot))
    return;
  auto begin = table_.first();
  while (begin != child_table::nil && table_[begin].order < sequence_.first)
    begin = table_[begin].next;
  auto from_first = sequence_.first == 0;
  table_.spread();
  if (!from_first)
    sequence_.first = begin != child_table::nil ? table_[begin].order : table_.end_order();
}

result<child_ref> supervisor_core::add_child(child_spec_ptr spec, std::string id, uint64_t command,
                                             duration now, effects& out,
                                             std::optional<child_ref> before) {
  if (is_over())
    return ending();
  if (before && !holds(*before))
    return not_found();
  if (is_simple() && spec)
    return error{errc::invalid_config,
                 "children of a simple_one_for_one supervisor come from its template", id, ""};
  if (!is_simple() && !spec)
    return error{errc::invalid_config, "the child has no spec", id, ""};
  if (is_simple())
    spec = template_;
  else if (id.empty())
    id = spec->id;
  if (auto ok = check_spec(flags_, *spec, id); !ok)
    return ok.error();
  if (table_.size() >= child_table::nil - 1)
    return error{errc::refused, "the supervisor has as many children as it can have", id, ""};
  step s{now, out};
  if (before)
    make_room_before(before->slot);
  auto slot = table_.add(std::move(spec), std::move(id), before ? before->slot : child_table::nil);
  if (slot == child_table::nil)
    return error{errc::already_exists,
                 "there is a child '" + id + "' already, "
                   + std::string{to_string(state_of(table_[table_.find(id)]))},
                 id, ""};
  table_[slot].added = true;
  set_wanted(slot, true);
  wait_for(slot, command, true);
  enqueue(slot, s);
  auto child = ref(slot);
  advance(s);
  return child;
}

result<void> supervisor_core::terminate_child(child_ref child, uint64_t command, duration now,
                                              effects& out) {
  auto slot = admit(child, true);
  if (!slot)
    return slot.error();
  step s{now, out};
  auto& rec = table_[*slot];
  refuse_starts(*slot, errc::actor_stopped, "was stopped", s);
  set_wanted(*slot, false);
  rec.by_hand = true;
  rec.suspended = false;
  rec.added = false;
  rec.manual = false;
  wait_for(*slot, command, false);
  if (rec.phase == child_phase::down)
    settle_or_drop(*slot, s);
  else if (rec.phase != child_phase::stopping)
    begin_stop(*slot, s);
  skip_delay_of(child, s);
  advance(s);
  return {};
}

result<void> supervisor_core::delete_child(child_ref child, effects& out) {
  auto slot = admit(child, false);
  if (!slot && slot.error().code == errc::actor_stopped)
    return refused(table_[child.slot], "cannot be deleted: its supervisor is ending");
  if (!slot)
    return slot.error();
  auto& rec = table_[*slot];
  if (rec.phase != child_phase::down || rec.wanted)
    return refused(rec, "is " + std::string{to_string(state_of(rec))} + "; stop it first");
  step s{duration{0}, out};
  remove_child(*slot, s);
  return {};
}

result<void> supervisor_core::restart_child(child_ref child, uint64_t command, duration now,
                                            effects& out) {
  auto slot = admit(child, true);
  if (!slot)
    return slot.error();
  auto& rec = table_[*slot];
  if (rec.phase == child_phase::stopping)
    return refused(rec, "is already stopping");
  step s{now, out};
  out.emplace_back(effect::report{effect::report::kind::restarted, child, "by hand", {}});
  wait_for(*slot, command, true);
  if (rec.phase != child_phase::down) {
    begin_stop(*slot, s);
  } else {
    // A child that was on its way anyway keeps the ordinary rules for a start that fails.
    if (!rec.wanted)
      rec.manual = true;
    set_wanted(*slot, true);
    rec.by_hand = false;
    rec.failed = false;
    rec.in_backoff = false;
    cancel(*slot, s);
    enqueue(*slot, s);
    skip_delay_of(child, s);
  }
  advance(s);
  return {};
}

result<void> supervisor_core::set_suspended(child_ref child, bool suspended) {
  if (!table_.is_live(child.slot, child.generation))
    return not_found();
  auto& rec = table_[child.slot];
  if (rec.phase != child_phase::up)
    return error{errc::actor_stopped, "nothing runs there", rec.id, ""};
  if (rec.suspended == suspended)
    return refused(rec, suspended ? "is suspended already" : "is not suspended");
  rec.suspended = suspended;
  return {};
}

result<void> supervisor_core::update_spec(child_ref child, child_spec_ptr spec) {
  if (!table_.is_live(child.slot, child.generation))
    return not_found();
  auto& rec = table_[child.slot];
  if (!spec)
    return error{errc::invalid_config, "the child has no spec", rec.id, ""};
  if (spec->id != rec.spec->id || spec->kind != rec.spec->kind
      || spec->isolation != rec.spec->isolation)
    return error{errc::invalid_config,
                 "id, kind and isolation of a child cannot change while it exists", rec.id, ""};
  if (auto ok = check_spec(flags_, *spec, rec.id); !ok)
    return ok;
  auto wanted = rec.wanted;
  set_wanted(child.slot, false);
  rec.spec = std::move(spec);
  set_wanted(child.slot, wanted);
  return {};
}

result<void> supervisor_core::update_flags(supervisor_flags flags) {
  if (auto ok = check_flags(flags); !ok)
    return ok;
  if (is_simple() != (flags.strategy == strategy::simple_one_for_one))
    return error{errc::invalid_config, "the strategy cannot change to or from simple_one_for_one",
                 "", ""};
  for (auto slot = table_.first(); slot != child_table::nil; slot = table_[slot].next) {
    if (auto ok = check_spec(flags, *table_[slot].spec, table_[slot].id); !ok)
      return ok;
  }
  flags_ = flags;
  return {};
}

} // namespace coppice::supervision
