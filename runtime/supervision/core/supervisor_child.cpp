#include "runtime/supervision/core/supervisor_core.hpp"

#include <algorithm>

namespace coppice::supervision {

void supervisor_core::to_down(uint32_t slot, step& s) {
  auto& rec = table_[slot];
  rec.phase = child_phase::down;
  rec.parked = true;
  rec.start_open = false;
  --alive_;
  if (starting_ == slot)
    starting_ = child_table::nil;
  cancel(slot, s);
}

// The child is down and stays down: nothing is left to happen to it.
void supervisor_core::settle(uint32_t slot, step& s) {
  if (table_[slot].parked)
    s.out.emplace_back(effect::discard_child{ref(slot)});
  table_[slot].parked = false;
  retire(slot, s);
}

// As above, but for letting its actor go.
void supervisor_core::retire(uint32_t slot, step& s) {
  set_wanted(slot, false);
  auto& rec = table_[slot];
  rec.in_backoff = false;
  rec.manual = false;
  cancel(slot, s);
  if (rec.rare == child_table::nil)
    return;
  finish_commands(slot, false, {}, s);
  refuse_starts(slot, errc::actor_stopped, "was stopped", s);
  drop_rare(slot);
}

void supervisor_core::settle_or_drop(uint32_t slot, step& s) {
  if (is_simple() || table_[slot].spec->restart == restart_type::temporary)
    drop(slot, s);
  else
    settle(slot, s);
}

void supervisor_core::drop(uint32_t slot, step& s) {
  retire(slot, s);
  remove_child(slot, s);
}

void supervisor_core::remove_child(uint32_t slot, step& s) {
  auto& rec = table_[slot];
  if (sequence_.cursor == slot)
    sequence_.cursor = sequence_.what == sequence::kind::stopping ? rec.prev : rec.next;
  drop_rare(slot);
  auto child = ref(slot);
  s.out.emplace_back(effect::child_removed{child, table_.remove(slot)});
}

void supervisor_core::set_wanted(uint32_t slot, bool wanted) {
  auto& rec = table_[slot];
  if (rec.wanted == wanted)
    return;
  rec.wanted = wanted;
  if (rec.spec->significant)
    significant_wanted_ += wanted ? 1u : ~0u;
}

void supervisor_core::arm(uint32_t slot, duration delay, step& s) {
  auto& extra = rare(slot);
  extra.timer = next_token(slot);
  s.out.emplace_back(effect::arm_timer{extra.timer, delay});
}

void supervisor_core::cancel(uint32_t slot, step& s) {
  auto* extra = find_rare(slot);
  if (!extra || extra->timer == 0)
    return;
  s.out.emplace_back(effect::cancel_timer{extra->timer});
  extra->timer = 0;
  drop_rare_if_empty(slot);
}

void supervisor_core::wait_for(uint32_t slot, uint64_t command, bool start) {
  if (command != 0)
    rare(slot).waiting.push_back({command, start});
}

void supervisor_core::finish_commands(uint32_t slot, bool start,
                                      const std::shared_ptr<const error>& failure, step& s) {
  auto* extra = find_rare(slot);
  if (!extra)
    return;
  for (const auto& command : extra->waiting) {
    if (command.start == start)
      s.out.emplace_back(effect::command_done{command.number, failure});
  }
  std::erase_if(extra->waiting, [start](const waiting_command& x) { return x.start == start; });
}

// Those who wait for the child to be up.
void supervisor_core::refuse_starts(uint32_t slot, errc code, std::string_view what, step& s) {
  auto* extra = find_rare(slot);
  if (!extra || std::none_of(extra->waiting.begin(), extra->waiting.end(), [](auto& x) {
        return x.start;
      }))
    return;
  std::string message{"child '" + table_[slot].id + "' "};
  finish_commands(slot, true, std::make_shared<error>(error{code, message.append(what), {}, {}}),
                  s);
}

supervisor_core::rare_state& supervisor_core::rare(uint32_t slot) {
  auto& rec = table_[slot];
  if (rec.rare == child_table::nil)
    rec.rare = rare_.lend();
  return rare_[rec.rare];
}

supervisor_core::rare_state* supervisor_core::find_rare(uint32_t slot) {
  return const_cast<rare_state*>(std::as_const(*this).find_rare(slot));
}

const supervisor_core::rare_state* supervisor_core::find_rare(uint32_t slot) const {
  if (!table_.holds(slot) || table_[slot].rare == child_table::nil)
    return nullptr;
  return &rare_[table_[slot].rare];
}

void supervisor_core::drop_rare(uint32_t slot) {
  auto& rec = table_[slot];
  if (rec.rare == child_table::nil)
    return;
  auto& extra = rare_[rec.rare];
  extra.timer = 0;
  extra.series = {};
  extra.waiting.clear();
  rare_.give_back(std::exchange(rec.rare, child_table::nil));
}

void supervisor_core::drop_rare_if_empty(uint32_t slot) {
  auto* extra = find_rare(slot);
  if (extra && extra->timer == 0 && extra->series.count == 0 && extra->waiting.empty())
    drop_rare(slot);
}

// The slot is in the token, so a timer finds its child without a table; the counter tells it from earlier ones.
uint64_t supervisor_core::next_token(uint32_t slot) {
  if (++timers_ == 0)
    timers_ = 1;
  return (uint64_t{timers_} << 32) | slot;
}

void supervisor_core::skip_delay_of(child_ref child, step& s) {
  if (sequence_.waiting_for != child)
    return;
  sequence_.delay = duration{0};
  sequence_.waiting_for = {};
  if (sequence_.what == sequence::kind::delaying)
    begin_starts(s);
}

child_state supervisor_core::state() const {
  switch (life_) {
    case life::idle:
    case life::starting:
      return child_state::starting;
    case life::running:
      return child_state::running;
    case life::ending:
      return child_state::stopping;
    case life::ended:
      break;
  }
  auto well = end_.what == end_info::kind::requested || end_.what == end_info::kind::auto_shutdown;
  return well ? child_state::stopped : child_state::failed;
}

uint32_t supervisor_core::restarts_in_window(duration now) const {
  return window_.count(now, flags_.period);
}

bool supervisor_core::heeds_time() const {
  return sequence_.what == sequence::kind::stopping || sequence_.what == sequence::kind::delaying;
}

bool supervisor_core::heeds_time(child_ref child) const {
  return holds(child)
         && (heeds_time() || table_[child.slot].spec->restart != restart_type::temporary);
}

std::optional<child_ref> supervisor_core::find(std::string_view id) const {
  auto slot = table_.find(id);
  return slot == child_table::nil ? std::nullopt : std::optional{ref(slot)};
}

std::optional<child_view> supervisor_core::view(child_ref child) const {
  if (!table_.is_live(child.slot, child.generation))
    return std::nullopt;
  return view_of(child.slot);
}

std::vector<child_view> supervisor_core::children() const {
  std::vector<child_view> out;
  out.reserve(table_.size());
  for (auto slot = table_.first(); slot != child_table::nil; slot = table_[slot].next)
    out.push_back(view_of(slot));
  return out;
}

size_t supervisor_core::size() const {
  return table_.size();
}

child_view supervisor_core::view_of(uint32_t slot) const {
  const auto& rec = table_[slot];
  child_view out{ref(slot),    rec.id,          rec.spec.get(), state_of(rec),
                 rec.restarts, rec.incarnation, rec.started_at, {}};
  if (auto* extra = rec.in_backoff ? find_rare(slot) : nullptr)
    out.next_delay = extra->series.next_delay;
  return out;
}

child_state supervisor_core::state_of(const child_record& rec) const {
  auto coming = rec.incarnation == 0 ? child_state::starting : child_state::restarting;
  switch (rec.phase) {
    case child_phase::starting:
      return coming;
    case child_phase::up:
      return rec.suspended ? child_state::suspended : child_state::running;
    case child_phase::stopping:
      return child_state::stopping;
    case child_phase::down:
      break;
  }
  if (rec.wanted)
    return rec.in_backoff ? child_state::backoff : coming;
  return rec.failed ? child_state::failed : child_state::stopped;
}

} // namespace coppice::supervision
