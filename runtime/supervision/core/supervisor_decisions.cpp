#include "runtime/supervision/core/supervisor_core.hpp"

#include <algorithm>

namespace coppice::supervision {

// A child that was up ended and nobody had asked it to.
void supervisor_core::on_exit(uint32_t slot, exit_info exit, step& s) {
  to_down(slot, s);
  auto& rec = table_[slot];
  if (life_ == life::ending) {
    s.out.emplace_back(
      effect::report{effect::report::kind::not_restarted, ref(slot), std::move(exit.reason), {}});
    settle(slot, s);
    return;
  }
  auto temporary = rec.spec->restart == restart_type::temporary;
  if (sequence_.what == sequence::kind::stopping && rec.order >= sequence_.first) {
    // It was about to be stopped for its siblings' sake: that it ended by itself changes nothing.
    if (temporary)
      settle_or_drop(slot, s);
    return;
  }
  auto restarts =
    rec.spec->restart == restart_type::permanent
    || (rec.spec->restart == restart_type::transient && exit.kind == exit_kind::abnormal);
  if (restarts) {
    decide_restart(slot, std::move(exit.reason), true, s);
    return;
  }
  // It may be the last one that auto_shutdown waits for.
  std::string why;
  if (rec.spec->significant && shuts_down_without(slot))
    why = "significant child '" + rec.id + "' ended: " + exit.reason;
  s.out.emplace_back(
    effect::report{effect::report::kind::not_restarted, ref(slot), std::move(exit.reason), {}});
  settle_or_drop(slot, s);
  if (!why.empty())
    begin_ending({end_info::kind::auto_shutdown, std::move(why)}, s);
}

void supervisor_core::on_stopped(uint32_t slot, step& s) {
  to_down(slot, s);
  if (life_ == life::ending)
    settle(slot, s);
  else if (table_[slot].wanted)
    enqueue(slot, s); // Restarted by hand, or with its group, which comes first.
  else
    settle_or_drop(slot, s);
}

void supervisor_core::on_start_failed(uint32_t slot, std::string reason, step& s) {
  to_down(slot, s);
  auto& rec = table_[slot];
  s.out.emplace_back(effect::report{effect::report::kind::start_failed, ref(slot), reason, {}});
  refuse_starts(slot, errc::actor_crashed, "could not be started: " + reason, s);
  if (life_ == life::ending) {
    settle(slot, s);
  } else if (rec.added) {
    drop(slot, s);
  } else if (rec.incarnation == 0 && life_ == life::starting) {
    rec.failed = true;
    settle(slot, s);
    begin_ending(
      {end_info::kind::failed_to_start, "child '" + rec.id + "' could not be started: " + reason},
      s);
  } else if (rec.manual || rec.spec->restart == restart_type::temporary) {
    rec.failed = true;
    settle_or_drop(slot, s);
  } else if (sequence_.what != sequence::kind::stopping || rec.order < sequence_.first) {
    decide_restart(slot, std::move(reason), false, s);
  }
  // Else its group is being stopped, and will start it again.
}

void supervisor_core::decide_restart(uint32_t slot, std::string reason, bool was_running, step& s) {
  auto& rec = table_[slot];
  backoff_step wait{duration{0}, true};
  if (rec.spec->backoff)
    wait = next_backoff(*rec.spec->backoff, rare(slot).series, was_running, s.now, random_);
  if (wait.counts) {
    if (auto count = window_.add(s.now, flags_.period); count > flags_.intensity) {
      auto why = std::to_string(count) + " restarts within " + to_string(flags_.period) + ", "
                 + std::to_string(flags_.intensity) + " allowed, the last one for child '" + rec.id
                 + "': " + reason;
      s.out.emplace_back(
        effect::report{effect::report::kind::gave_up, ref(slot), std::move(reason), {}});
      rec.failed = true;
      settle(slot, s);
      begin_ending({end_info::kind::max_intensity, std::move(why)}, s);
      return;
    }
  }
  s.out.emplace_back(
    effect::report{effect::report::kind::restarted, ref(slot), std::move(reason), wait.delay});
  rec.in_backoff = wait.delay > duration{0};
  if (flags_.strategy == strategy::one_for_all || flags_.strategy == strategy::rest_for_one)
    restart_group(slot, wait.delay, s);
  else if (rec.in_backoff)
    arm(slot, wait.delay, s);
  else
    enqueue(slot, s);
}

// Several children may crash while their group is on its way: the group then grows, or begins once more.
void supervisor_core::restart_group(uint32_t slot, duration delay, step& s) {
  auto from = flags_.strategy == strategy::one_for_all ? 0 : table_[slot].order;
  auto left = duration{0};
  if (sequence_.what == sequence::kind::stopping) {
    from = std::min(from, sequence_.first);
    left = sequence_.delay;
  } else if (sequence_.what == sequence::kind::delaying) {
    from = std::min(from, sequence_.first);
    left = std::max(duration{0}, sequence_.deadline - s.now);
    s.out.emplace_back(effect::cancel_timer{sequence_.timer});
  }
  // While starting, everything before the failed child is up already and stays up under rest_for_one.
  auto waiting_for = delay > left ? ref(slot) : sequence_.waiting_for;
  auto cursor = sequence_.what == sequence::kind::stopping ? sequence_.cursor : table_.last();
  sequence_ =
    sequence{sequence::kind::stopping, from, cursor, std::max(left, delay), {}, 0, waiting_for};
}

/// Does the end of that significant child end the supervisor?
bool supervisor_core::shuts_down_without(uint32_t slot) const {
  if (flags_.auto_shutdown != auto_shutdown::all_significant)
    return flags_.auto_shutdown == auto_shutdown::any_significant;
  return significant_wanted_ == (table_[slot].wanted ? 1u : 0u);
}

void supervisor_core::begin_ending(end_info why, step& s) {
  life_ = life::ending;
  end_ = std::move(why);
  queue_.clear();
  if (sequence_.timer != 0)
    s.out.emplace_back(effect::cancel_timer{sequence_.timer});
  sequence_ = sequence{sequence::kind::stopping, 0, table_.last(), {}, {}, 0, {}};
  if (!is_simple())
    return;
  for (auto slot = table_.first(); slot != child_table::nil; slot = table_[slot].next) {
    set_wanted(slot, false);
    if (table_[slot].phase == child_phase::down)
      settle(slot, s);
    else if (table_[slot].phase != child_phase::stopping)
      begin_stop(slot, s);
  }
}

} // namespace coppice::supervision
