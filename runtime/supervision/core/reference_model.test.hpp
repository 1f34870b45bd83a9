#pragma once

#include "runtime/supervision/core/child_spec.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace coppice::supervision::test {

/// How the world of one test case behaves; the same for the core and for the model.
struct world {
  uint64_t seed = 0;
  uint32_t failing = 0;  ///< Percent of starts that fail.
  uint32_t stubborn = 0; ///< Percent of stops that need a kill.

  bool start_fails(const std::string& id, uint32_t attempt) const {
    return roll(id, attempt, 1) < failing;
  }
  bool needs_kill(const std::string& id, uint32_t attempt) const {
    return roll(id, attempt, 2) < stubborn;
  }

private:
  uint32_t roll(const std::string& id, uint32_t attempt, uint64_t salt) const {
    auto x = seed
             ^ (std::hash<std::string>{}(id) + attempt * 0x9e3779b97f4a7c15ull
                + salt * 0xbf58476d1ce4e5b9ull);
    x = (x ^ (x >> 31)) * 0x94d049bb133111ebull;
    return static_cast<uint32_t>((x >> 33) % 100);
  }
};

/// What OTP's `supervisor` says, replayed as OTP does it: every function runs to its end, waiting for children where it
/// starts or stops them, and looks at nothing else meanwhile. Children are a plain vector in start order.
/// Beyond that it knows delays (without jitter) and children that stay down because they were stopped by hand.
class reference_model {
public:
  struct child {
    std::string id;
    child_spec spec;
    bool up = false;
    bool waiting = false; ///< OTP's `restarting`: not up, but going to be.
    bool by_hand = false;
    bool added = false;  ///< Its first start is to come.
    bool manual = false; ///< Was down and is started by a command.
    bool failed = false;
    uint32_t attempts = 0, stops = 0, incarnation = 0, restarts = 0;
    uint32_t series = 0; ///< Delayed restarts in a row.
    duration began{0}, up_since{0};
    std::optional<duration> due; ///< one_for_one: when its delay is over.
    uint64_t due_rank = 0;
  };

  supervisor_flags flags;
  world around;
  std::vector<child> children;
  std::vector<std::string> log;
  duration now{0};
  bool ended = false;

  void start() {
    for (size_t i = 0; i < children.size(); ++i) {
      if (!do_start(children[i])) {
        children[i].failed = true;
        end("failed_to_start");
        return;
      }
    }
    log.push_back("STARTED");
  }

  void stop() {
    if (!ended)
      end("requested");
  }

  void exit(const std::string& id, bool abnormal) {
    auto* c = find(id);
    if (!c || !c->up || ended)
      return;
    c->up = false;
    auto type = c->spec.restart;
    if (type == restart_type::permanent || (type == restart_type::transient && abnormal)) {
      restart(id, true);
      return;
    }
    auto significant = c->spec.significant;
    c->series = 0;
    if (type == restart_type::temporary || is_simple())
      remove(id);
    if (!significant || flags.auto_shutdown == auto_shutdown::never)
      return;
    auto others = std::any_of(children.begin(), children.end(), [](const child& x) {
      return x.spec.significant && (x.up || x.waiting);
    });
    if (flags.auto_shutdown == auto_shutdown::any_significant || !others)
      end("auto_shutdown");
  }

  void add(const child_spec& spec, const std::string& id) {
    if (ended || find(id))
      return;
    children.push_back({id, spec});
    children.back().added = true;
    if (group_due_ && !is_alone()) {
      children.back().waiting = true;
      return;
    }
    if (!do_start(children.back()))
      remove(id);
  }

  void terminate(const std::string& id) {
    auto* c = find(id);
    if (!c || ended)
      return;
    do_terminate(*c);
    c->waiting = c->added = c->manual = false;
    c->due.reset();
    c->series = 0;
    c->by_hand = true;
    if (c->spec.restart == restart_type::temporary || is_simple())
      remove(id);
    skip_group_delay(id);
  }

  void remove_by_hand(const std::string& id) {
    auto* c = find(id);
    if (c && !ended && !c->up && !c->waiting)
      remove(id);
  }

  void restart_by_hand(const std::string& id) {
    auto* c = find(id);
    if (!c || ended)
      return;
    auto waited = c->waiting;
    c->manual = c->manual || (!c->up && !waited);
    do_terminate(*c);
    c->by_hand = c->failed = false;
    c->due.reset();
    if (group_waits_for_ == id && group_due_) {
      skip_group_delay(id);
    } else if (group_due_ && position(id) >= position(group_first_)) {
      c->waiting = true;
    } else if (!do_start(*c)) {
      if (c->manual || c->spec.restart == restart_type::temporary)
        give_back(id);
      else
        restart(id, false);
    }
  }

  /// The delay that is over first; absent: none.
  std::optional<duration> next_due() const {
    auto out = group_due_;
    for (const auto& c : children) {
      if (c.due && (!out || *c.due < *out))
        out = c.due;
    }
    return out;
  }

  void fire() {
    if (group_due_) {
      start_group();
      return;
    }
    child* first = nullptr;
    for (auto& c : children) {
      if (c.due
          && (!first || std::pair{*c.due, c.due_rank} < std::pair{*first->due, first->due_rank}))
        first = &c;
    }
    first->due.reset();
    if (!do_start(*first))
      restart(std::string{first->id}, false);
  }

  child* find(const std::string& id) {
    auto i =
      std::find_if(children.begin(), children.end(), [&](const child& c) { return c.id == id; });
    return i == children.end() ? nullptr : &*i;
  }

private:
  bool is_simple() const { return flags.strategy == strategy::simple_one_for_one; }
  bool is_alone() const { return is_simple() || flags.strategy == strategy::one_for_one; }

  size_t position(const std::string& id) const {
    return static_cast<size_t>(
      std::find_if(children.begin(), children.end(), [&](const child& c) { return c.id == id; })
      - children.begin());
  }

  void remove(const std::string& id) {
    log.push_back("removed " + id);
    // The group begins with the next child when its first one goes.
    auto at = position(id);
    if (id == group_first_)
      group_first_ = at + 1 < children.size() ? children[at + 1].id : "";
    children.erase(children.begin() + static_cast<std::ptrdiff_t>(at));
  }

  void give_back(const std::string& id) {
    auto& c = *find(id);
    c.failed = true;
    c.waiting = c.manual = false;
    c.series = 0;
    if (c.spec.restart == restart_type::temporary || is_simple())
      remove(id);
  }

  bool do_start(child& c) {
    log.push_back("start " + c.id);
    c.waiting = false;
    c.failed = false;
    c.restarts += c.incarnation > 0;
    if (around.start_fails(c.id, c.attempts++))
      return false;
    c.up = true;
    c.added = c.manual = false;
    c.up_since = now;
    ++c.incarnation;
    return true;
  }

  void do_terminate(child& c) {
    if (!c.up)
      return;
    ask(c);
    wait(c);
  }

  void ask(child& c) {
    log.push_back((c.spec.shutdown.what == shutdown_spec::kind::brutal_kill ? "kill " : "stop ")
                  + c.id);
  }

  void wait(child& c) {
    if (around.needs_kill(c.id, c.stops++) && c.spec.shutdown.what == shutdown_spec::kind::timeout)
      log.push_back("kill " + c.id);
    c.up = false;
  }

  void end(const std::string& why) {
    if (is_simple()) {
      std::vector<child*> asked;
      for (auto& c : children) {
        if (c.up) {
          ask(c);
          asked.push_back(&c);
        }
      }
      for (auto* c : asked)
        wait(*c);
    } else {
      for (auto i = children.size(); i-- > 0;)
        do_terminate(children[i]);
    }
    for (auto& c : children) {
      c.waiting = false;
      c.due.reset();
    }
    group_due_.reset();
    ended = true;
    log.push_back("ENDED " + why);
  }

  /// OTP's restart/2 with its try_again: the child is down and to be restarted.
  void restart(std::string id, bool was_running) {
    for (;;) {
      auto& c = *find(id);
      c.waiting = true;
      duration delay{0};
      auto counts = true;
      if (c.spec.backoff) {
        const auto& b = *c.spec.backoff;
        if (was_running && now - c.up_since >= b.reset_after.value_or(b.max))
          c.series = 0;
        if (c.series++ == 0)
          c.began = now;
        delay = b.min;
        for (uint32_t i = 1; i < c.series; ++i)
          delay = std::min(b.max, delay * 2);
        counts = (b.give_up_after_count && c.series > *b.give_up_after_count)
                 || (b.give_up_after_time && now - c.began > *b.give_up_after_time);
      }
      if (counts && !add_restart()) {
        log.push_back("gave up on " + id);
        c.waiting = false;
        c.failed = true;
        end("max_intensity");
        return;
      }
      std::optional<std::string> failed;
      if (is_alone()) {
        if (delay > duration{0}) {
          c.due = now + delay;
          c.due_rank = ++ranks_;
          return;
        }
        if (!do_start(c))
          failed = id;
      } else {
        failed = restart_group(id, delay);
      }
      if (!failed)
        return;
      id = *failed;
      was_running = false;
    }
  }

  bool add_restart() {
    restarts_.push_back(now);
    std::erase_if(restarts_, [this](duration x) { return now - x > flags.period; });
    return restarts_.size() <= flags.intensity;
  }

  /// Returns the child that failed to start.
  std::optional<std::string> restart_group(const std::string& id, duration delay) {
    auto from = flags.strategy == strategy::one_for_all ? size_t{0} : position(id);
    if (group_due_)
      from = std::min(from, position(group_first_));
    for (auto i = children.size(); i-- > from;) {
      auto& c = children[i];
      auto was_up = c.up;
      do_terminate(c);
      if (c.spec.restart == restart_type::temporary && was_up)
        remove(std::string{c.id});
      else if (!c.by_hand)
        c.waiting = true;
    }
    group_first_ = from < children.size() ? children[from].id : "";
    auto left = group_due_ ? std::max(duration{0}, *group_due_ - now) : duration{0};
    if (delay > left)
      group_waits_for_ = id;
    if (std::max(delay, left) > duration{0}) {
      group_due_ = now + std::max(delay, left);
      return std::nullopt;
    }
    return start_children(from);
  }

  std::optional<std::string> start_children(size_t from) {
    group_due_.reset();
    group_waits_for_.clear();
    for (auto i = from; i < children.size();) {
      auto& c = children[i];
      if (!c.waiting || do_start(c)) {
        ++i;
      } else if (c.added) {
        remove(std::string{c.id});
      } else if (c.manual) {
        give_back(c.id);
        ++i;
      } else {
        c.waiting = true;
        return c.id;
      }
    }
    return std::nullopt;
  }

  void start_group() {
    if (auto failed = start_children(position(group_first_)))
      restart(*failed, false);
  }

  void skip_group_delay(const std::string& id) {
    if (group_due_ && group_waits_for_ == id)
      start_group();
  }

  std::vector<duration> restarts_;
  std::optional<duration> group_due_;
  std::string group_first_, group_waits_for_;
  uint64_t ranks_ = 0;
};

} // namespace coppice::supervision::test
