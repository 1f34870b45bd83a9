#include "runtime/supervision/core/supervisor_core.hpp"

#include "runtime/base/assert.hpp"

namespace coppice::supervision {

// Goes on until an answer is needed.
void supervisor_core::advance(step& s) {
  if (is_simple()) {
    if (life_ == life::ending && alive_ == 0)
      after_stops(s);
    return;
  }
  while (life_ != life::idle && life_ != life::ended) {
    switch (sequence_.what) {
      case sequence::kind::stopping:
        if (!stop_next(s))
          return;
        after_stops(s);
        break;
      case sequence::kind::starting:
        if (!start_next(s))
          return;
        break;
      case sequence::kind::delaying:
      case sequence::kind::none:
        start_queued(s);
        return;
    }
  }
}

// Returns whether all are down.
bool supervisor_core::stop_next(step& s) {
  while (sequence_.cursor != child_table::nil
         && table_[sequence_.cursor].order >= sequence_.first) {
    auto slot = sequence_.cursor;
    auto& rec = table_[slot];
    if (life_ == life::ending)
      set_wanted(slot, false);
    if (rec.phase == child_phase::stopping)
      return false;
    if (rec.phase != child_phase::down) {
      if (rec.spec->restart == restart_type::temporary)
        set_wanted(slot, false);
      begin_stop(slot, s);
      return false;
    }
    if (life_ == life::ending)
      settle(slot, s);
    else if (!rec.by_hand)
      set_wanted(
        slot, true); // As in OTP, a transient child that ended normally comes back with its group.
    sequence_.cursor = rec.prev;
  }
  return true;
}

void supervisor_core::after_stops(step& s) {
  if (life_ == life::ending) {
    COPPICE_ASSERT(alive_ == 0);
    life_ = life::ended;
    sequence_ = {};
    s.out.emplace_back(effect::supervisor_ended{end_});
  } else if (sequence_.delay > duration{0}) {
    sequence_.what = sequence::kind::delaying;
    sequence_.deadline =
      s.now > duration::max() - sequence_.delay ? duration::max() : s.now + sequence_.delay;
    sequence_.timer = next_token(child_table::nil);
    s.out.emplace_back(effect::arm_timer{sequence_.timer, sequence_.delay});
  } else {
    begin_starts(s);
  }
}

void supervisor_core::begin_starts(step& s) {
  if (sequence_.timer != 0)
    s.out.emplace_back(effect::cancel_timer{sequence_.timer});
  auto cursor = child_table::nil;
  for (auto slot = table_.last(); slot != child_table::nil && table_[slot].order >= sequence_.first;
       slot = table_[slot].prev)
    cursor = slot;
  sequence_ = sequence{sequence::kind::starting, sequence_.first, cursor, {}, {}, 0, {}};
}

// Returns whether all have been started.
bool supervisor_core::start_next(step& s) {
  if (starting_ != child_table::nil)
    return false;
  for (; sequence_.cursor != child_table::nil; sequence_.cursor = table_[sequence_.cursor].next) {
    auto& rec = table_[sequence_.cursor];
    if (!rec.wanted)
      continue;
    if (rec.phase == child_phase::stopping)
      return false; // Restarted by hand while it started: those after it wait.
    if (rec.phase == child_phase::down) {
      start_one(sequence_.cursor, s);
      return false;
    }
  }
  sequence_ = {};
  if (life_ == life::starting) {
    life_ = life::running;
    s.out.emplace_back(effect::supervisor_started{});
  }
  return true;
}

void supervisor_core::start_queued(step& s) {
  while (starting_ == child_table::nil && !queue_.empty()) {
    auto child = queue_.pop();
    if (!table_.is_live(child.slot, child.generation))
      continue;
    auto& rec = table_[child.slot];
    // Started another way since: what it waits for now is not this place.
    if (!rec.queued)
      continue;
    rec.queued = false;
    // The starts after the delay will find those that belong to the group.
    auto in_group = sequence_.what == sequence::kind::delaying && rec.order >= sequence_.first;
    if (rec.phase == child_phase::down && rec.wanted && !in_group)
      start_one(child.slot, s);
  }
}

// Bounds: at most one entry for each child, besides stale ones, which are cleared out before they outnumber the others.
void supervisor_core::enqueue(uint32_t slot, step& s) {
  auto& rec = table_[slot];
  if (is_simple()) {
    if (life_ == life::running)
      start_one(slot, s);
    return;
  }
  if (rec.queued)
    return;
  if (queue_.size() > 2 * table_.size() + 64)
    queue_.purge([this](child_ref x) {
      return !table_.is_live(x.slot, x.generation) || !table_[x.slot].queued;
    });
  rec.queued = true;
  queue_.push(ref(slot));
}

void supervisor_core::start_one(uint32_t slot, step& s) {
  auto& rec = table_[slot];
  COPPICE_ASSERT(rec.phase == child_phase::down && rec.wanted && !is_over());
  COPPICE_ASSERT(is_simple() || starting_ == child_table::nil);
  cancel(slot, s);
  rec.phase = child_phase::starting;
  rec.queued = false;
  rec.start_open = true;
  rec.parked = false;
  rec.failed = false;
  rec.in_backoff = false;
  ++alive_;
  if (!is_simple())
    starting_ = slot;
  auto restart = rec.incarnation > 0;
  if (restart)
    ++rec.restarts;
  s.out.emplace_back(effect::start_child{ref(slot), restart});
}

void supervisor_core::begin_stop(uint32_t slot, step& s) {
  auto& rec = table_[slot];
  COPPICE_ASSERT(rec.phase == child_phase::up || rec.phase == child_phase::starting);
  rec.phase = child_phase::stopping;
  const auto& shutdown = rec.spec->shutdown;
  if (shutdown.what == shutdown_spec::kind::brutal_kill) {
    s.out.emplace_back(effect::kill_child{ref(slot)});
    return;
  }
  s.out.emplace_back(effect::stop_child{ref(slot), !rec.wanted});
  if (shutdown.what == shutdown_spec::kind::timeout)
    arm(slot, shutdown.timeout, s);
}

} // namespace coppice::supervision
