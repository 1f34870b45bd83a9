#include "runtime/supervision/core/supervisor_core.hpp"

#include "runtime/base/assert.hpp"
#include "runtime/supervision/core/spec_check.hpp"

#include <algorithm>

namespace coppice::supervision {

result<void> supervisor_core::check(const supervisor_flags& flags,
                                    const std::vector<child_spec_ptr>& children) {
  if (auto ok = check_flags(flags); !ok)
    return ok;
  if (flags.strategy == strategy::simple_one_for_one && children.size() != 1)
    return error{errc::invalid_config,
                 "simple_one_for_one takes one child, the template, not "
                   + std::to_string(children.size()),
                 "", ""};
  std::vector<std::string_view> ids;
  ids.reserve(children.size());
  for (const auto& child : children) {
    if (!child)
      return error{errc::invalid_config, "a child has no spec", "", ""};
    if (auto ok = check_spec(flags, *child, child->id); !ok)
      return ok;
    ids.push_back(child->id);
  }
  std::sort(ids.begin(), ids.end());
  if (auto twice = std::adjacent_find(ids.begin(), ids.end()); twice != ids.end()) {
    std::string id{*twice};
    return error{errc::already_exists, "two children have the id '" + id + "'", id, ""};
  }
  return {};
}

supervisor_core::supervisor_core(supervisor_flags flags, std::vector<child_spec_ptr> children,
                                 uint64_t seed)
  : flags_(flags),
    random_(seed) {
  // check(), without its list of ids: the table finds those that come twice.
  COPPICE_ASSERT(check_flags(flags));
  if (is_simple()) {
    COPPICE_ASSERT(children.size() == 1 && children.front());
    template_ = std::move(children.front());
    return;
  }
  table_.reserve(children.size());
  for (auto& child : children) {
    COPPICE_ASSERT(child && check_spec(flags, *child, child->id));
    auto id = child->id;
    auto slot = table_.add(std::move(child), std::move(id));
    COPPICE_ASSERT(slot != child_table::nil);
    set_wanted(slot, true);
  }
}

void supervisor_core::start(instant, duration now, effects& out) {
  if (life_ != life::idle)
    return;
  step s{now, out};
  life_ = life::starting;
  if (is_simple()) {
    life_ = life::running;
    out.emplace_back(effect::supervisor_started{});
    for (auto slot = table_.first(); slot != child_table::nil; slot = table_[slot].next)
      start_one(slot, s);
    return;
  }
  sequence_.first = 0;
  begin_starts(s);
  advance(s);
}

void supervisor_core::stop(std::string reason, duration now, effects& out) {
  if (is_over())
    return;
  step s{now, out};
  begin_ending({end_info::kind::requested, std::move(reason)}, s);
  advance(s);
}

void supervisor_core::started(child_ref child, instant wall, duration now, effects& out) {
  if (!table_.is_live(child.slot, child.generation) || !table_[child.slot].start_open)
    return;
  step s{now, out};
  auto& rec = table_[child.slot];
  rec.start_open = false;
  rec.started_at = wall;
  ++rec.incarnation;
  if (starting_ == child.slot)
    starting_ = child_table::nil;
  // A child that has been asked to stop meanwhile came up all the same; it is still going to end.
  if (rec.phase == child_phase::starting) {
    rec.phase = child_phase::up;
    rec.added = false;
    rec.manual = false;
    if (auto* extra = find_rare(child.slot)) {
      extra->series.running = now;
      finish_commands(child.slot, true, {}, s);
      drop_rare_if_empty(child.slot);
    }
  }
  advance(s);
}

void supervisor_core::start_failed(child_ref child, std::string reason, duration now,
                                   effects& out) {
  if (!table_.is_live(child.slot, child.generation) || !table_[child.slot].start_open)
    return;
  step s{now, out};
  if (table_[child.slot].phase == child_phase::starting)
    on_start_failed(child.slot, std::move(reason), s);
  else
    on_stopped(child.slot, s);
  advance(s);
}

void supervisor_core::ended(child_ref child, exit_info exit, duration now, effects& out) {
  if (!table_.is_live(child.slot, child.generation))
    return;
  step s{now, out};
  switch (table_[child.slot].phase) {
    case child_phase::down:
      return;
    case child_phase::starting:
      on_start_failed(child.slot, std::move(exit.reason), s);
      break;
    case child_phase::up:
      on_exit(child.slot, std::move(exit), s);
      break;
    case child_phase::stopping:
      on_stopped(child.slot, s);
      break;
  }
  advance(s);
}

void supervisor_core::timer_fired(uint64_t token, duration now, effects& out) {
  step s{now, out};
  if (token != 0 && token == sequence_.timer) {
    sequence_.timer = 0;
    begin_starts(s);
    advance(s);
    return;
  }
  auto slot = static_cast<uint32_t>(token);
  auto* extra = token == 0 ? nullptr : find_rare(slot);
  if (!extra || extra->timer != token)
    return;
  extra->timer = 0;
  auto& rec = table_[slot];
  if (rec.phase == child_phase::stopping) {
    out.emplace_back(effect::kill_child{ref(slot)});
    out.emplace_back(effect::report{effect::report::kind::stop_timeout,
                                    ref(slot),
                                    "did not stop within " + to_string(rec.spec->shutdown.timeout),
                                    {}});
  } else if (rec.in_backoff) {
    rec.in_backoff = false;
    enqueue(slot, s);
  }
  drop_rare_if_empty(slot);
  advance(s);
}

} // namespace coppice::supervision
