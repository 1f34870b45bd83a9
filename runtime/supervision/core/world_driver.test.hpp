#pragma once

#include "runtime/supervision/core/reference_model.test.hpp"
#include "runtime/supervision/core/supervisor_core.hpp"

#include <deque>
#include <map>
#include <set>

namespace coppice::supervision::test {

/// Answers a core as `world` says, one effect after the other, so that it behaves like OTP's supervisor, which looks at
/// nothing else until it is done. Logs what reference_model logs.
class world_driver {
public:
  world_driver(supervisor_flags flags, std::vector<child_spec_ptr> specs, world around)
    : core(flags, std::move(specs), 1),
      around_(around) {}

  supervisor_core core;
  std::vector<std::string> log;
  duration now{0};
  bool ended = false;
  uint64_t answered = 0; ///< Commands that were answered.

  /// Performs the effects of `input(out)` and of everything that follows from them.
  template <class Input>
  void run(Input input) {
    supervisor_core::effects out;
    input(out);
    std::deque<supervisor_effect> todo{out.begin(), out.end()};
    while (!todo.empty()) {
      auto x = std::move(todo.front());
      todo.pop_front();
      out.clear();
      std::visit([&](const auto& e) { perform(e, out); }, x);
      // Effects that were to be performed after the one that was just answered come first.
      todo.insert(todo.end(), out.begin(), out.end());
    }
  }

  std::optional<std::pair<uint64_t, duration>> next_timer() const {
    std::optional<std::pair<uint64_t, duration>> out;
    for (const auto& [token, due] : timers_) {
      if (!out || due < out->second)
        out = {token, due};
    }
    return out;
  }

  void fire(uint64_t token) {
    timers_.erase(token);
    run([&](auto& out) { core.timer_fired(token, now, out); });
  }

  /// The time, where it matters; where it is said not to, any other will do.
  duration when(child_ref child) const { return core.heeds_time(child) ? now : duration{0}; }
  duration when() const { return core.heeds_time() ? now : duration{0}; }

private:
  std::string name(child_ref child) {
    auto view = core.view(child);
    return view ? std::string{view->id} : "nobody";
  }

  void perform(const effect::start_child& e, supervisor_core::effects& out) {
    auto id = name(e.child);
    log.push_back("start " + id);
    if (around_.start_fails(id, attempts_[id]++))
      core.start_failed(e.child, "no luck", when(e.child), out);
    else
      core.started(e.child, {}, when(e.child), out);
  }

  void perform(const effect::stop_child& e, supervisor_core::effects& out) {
    auto id = name(e.child);
    log.push_back("stop " + id);
    stopping_.push_back(e.child);
    auto has_timer = core.view(e.child)->spec->shutdown.what == shutdown_spec::kind::timeout;
    if (!around_.needs_kill(id, stops_[id]++) || !has_timer)
      ended_as_asked(e.child, out);
  }

  void perform(const effect::kill_child& e, supervisor_core::effects& out) {
    log.push_back("kill " + name(e.child));
    if (core.view(e.child)->spec->shutdown.what == shutdown_spec::kind::brutal_kill)
      ++stops_[name(e.child)];
    ended_as_asked(e.child, out);
  }

  void ended_as_asked(child_ref child, supervisor_core::effects& out) {
    std::erase(stopping_, child);
    core.ended(child, {exit_kind::shutdown, "shutdown"}, when(child), out);
  }

  void perform(const effect::arm_timer& e, supervisor_core::effects& out) {
    // A stop's timer comes right after its stop_child; a child that is still there needs the kill.
    auto slot = static_cast<uint32_t>(e.token);
    auto it = std::find_if(stopping_.begin(), stopping_.end(),
                           [slot](child_ref x) { return x.slot == slot; });
    if (it != stopping_.end())
      core.timer_fired(e.token, now, out);
    else if (!cancelled_.contains(e.token))
      timers_[e.token] = now + e.delay;
  }

  void perform(const effect::cancel_timer& e, supervisor_core::effects&) {
    timers_.erase(e.token);
    cancelled_.insert(e.token);
  }

  void perform(const effect::discard_child&, supervisor_core::effects&) {}
  void perform(const effect::child_removed& e, supervisor_core::effects&) {
    attempts_.erase(e.id);
    stops_.erase(e.id);
    log.push_back("removed " + e.id);
  }
  void perform(const effect::supervisor_started&, supervisor_core::effects&) {
    log.push_back("STARTED");
  }
  void perform(const effect::supervisor_ended& e, supervisor_core::effects&) {
    static const char* const kinds[]{"requested", "auto_shutdown", "max_intensity",
                                     "failed_to_start"};
    log.push_back(std::string{"ENDED "} + kinds[static_cast<size_t>(e.why.what)]);
    ended = true;
  }
  void perform(const effect::command_done&, supervisor_core::effects&) { ++answered; }
  void perform(const effect::report& e, supervisor_core::effects&) {
    if (e.what == effect::report::kind::gave_up)
      log.push_back("gave up on " + name(e.child));
  }

  world around_;
  std::map<std::string, uint32_t> attempts_, stops_;
  std::vector<child_ref> stopping_;
  std::map<uint64_t, duration> timers_;
  std::set<uint64_t> cancelled_;
};

} // namespace coppice::supervision::test
