// Answers, crashes, commands, timers and time in any order whatever: no model, but what must hold all the same.
#include "runtime/supervision/core/supervisor_core.hpp"

#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include <algorithm>
#include <deque>
#include <map>
#include <set>

using namespace coppice;
using namespace coppice::supervision;
using namespace std::chrono_literals;

namespace {

struct key_less {
  bool operator()(child_ref a, child_ref b) const {
    return std::pair{a.slot, a.generation} < std::pair{b.slot, b.generation};
  }
};

/// A child's actor as a shell would see it.
struct actor {
  std::string id;
  size_t rank = 0; ///< In start order.
  bool starting = false, up = false, asked = false, killed = false;
  bool parked = false; ///< Ended; start_child or discard_child is to come.
  bool by_command = false;

  bool alive() const { return starting || up; }
};

class loose_shell {
public:
  loose_shell(supervisor_flags flags, const std::vector<child_spec_ptr>& specs)
    : core_(flags, specs, 7),
      flags_(flags),
      ordered_(flags.strategy != strategy::simple_one_for_one) {
    for (const auto& c : core_.children())
      actors_[c.child] = {std::string{c.id}, ranks_++};
    feed([&](auto& out) { core_.start({}, now_, out); });
  }

  void play(uint32_t what, uint32_t whom, uint32_t how) {
    auto list = pick([](const actor&) { return true; });
    auto target = list.empty() ? child_ref{whom, how} : list[whom % list.size()];
    switch (what % 16) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
        answer(whom, how);
        break;
      case 5:
      case 6:
      case 7:
        crash(target, how);
        break;
      case 8:
        terminate(target);
        break;
      case 9:
        restart(target);
        break;
      case 10:
        add(how, target);
        break;
      case 11:
        feed([&](auto& out) { (void)core_.delete_child(target, out); });
        break;
      case 12:
        fire(whom);
        break;
      case 13:
        now_ += how * 20ms;
        break;
      case 14:
        stray({whom % 8, how % 8});
        break;
      default:
        if (how < 20)
          feed([&](auto& out) { core_.stop("asked", now_, out); });
    }
  }

  /// Everything is answered, well, until nothing is outstanding.
  void drain() {
    for (int i = 0; i < 100000; ++i) {
      if (auto open = pick([](const actor& a) { return a.starting || a.asked || a.killed; });
          !open.empty())
        answer_one(open.front(), 255);
      else if (!timers_.empty())
        fire(0);
      else
        return;
    }
    RC_FAIL("does not come to rest");
  }

  void check_at_rest() {
    for (const auto& c : core_.children()) {
      const auto& a = actors_.at(c.child);
      RC_ASSERT(!a.parked);
      RC_ASSERT((c.state == child_state::running) == a.up);
      RC_ASSERT(a.up || c.state == child_state::stopped || c.state == child_state::failed);
    }
    RC_ASSERT(ended_ || core_.state() == child_state::running);
  }

  void stop_and_check() {
    feed([&](auto& out) { core_.stop("asked", now_, out); });
    drain();
    RC_ASSERT(ended_);
    RC_ASSERT(open_commands_.empty());
    RC_ASSERT(pick([](const actor& a) { return a.alive() || a.parked; }).empty());
  }

private:
  template <class Predicate>
  std::vector<child_ref> pick(Predicate predicate) const {
    std::vector<child_ref> out;
    for (const auto& [child, a] : actors_) {
      if (predicate(a))
        out.push_back(child);
    }
    return out;
  }

  template <class Input>
  void feed(Input input) {
    supervisor_core::effects out;
    input(out);
    RC_ASSERT(out.empty() || !was_ended_);
    for (const auto& x : out)
      std::visit([this](const auto& e) { this->see(e); }, x);
    was_ended_ = ended_;
  }

  actor& live(child_ref child) {
    auto it = actors_.find(child);
    RC_ASSERT(it != actors_.end()); // No effect for a dead ref.
    RC_ASSERT(!ended_);
    return it->second;
  }

  void see(const effect::start_child& e) {
    auto& a = live(e.child);
    RC_ASSERT(!a.alive());
    a.starting = true;
    a.parked = a.asked = a.killed = a.by_command = false;
    if (ordered_)
      RC_ASSERT(pick([](const actor& x) { return x.starting; }).size() == 1u);
  }

  void check_stop(const actor& a) {
    RC_ASSERT(a.alive());
    if (!ordered_ || a.by_command)
      return;
    // Stopped for its siblings' or its supervisor's sake: those after it are down.
    RC_ASSERT(pick([&a](const actor& x) { return x.rank > a.rank && x.alive(); }).empty());
  }

  void see(const effect::stop_child& e) {
    auto& a = live(e.child);
    RC_ASSERT(!a.asked && !a.killed);
    check_stop(a);
    a.asked = true;
  }

  void see(const effect::kill_child& e) {
    auto& a = live(e.child);
    RC_ASSERT(!a.killed);
    if (!a.asked)
      check_stop(a);
    a.killed = true;
  }

  void see(const effect::discard_child& e) {
    auto& a = live(e.child);
    RC_ASSERT(a.parked);
    a.parked = false;
  }

  void see(const effect::child_removed& e) {
    auto& a = live(e.child);
    RC_ASSERT(!a.alive());
    actors_.erase(e.child);
  }

  void see(const effect::arm_timer& e) {
    RC_ASSERT(!seen_timers_.contains(e.token));
    seen_timers_.insert(e.token);
    timers_.push_back(e.token);
  }

  void see(const effect::cancel_timer& e) { RC_ASSERT(std::erase(timers_, e.token) == 1u); }

  void see(const effect::supervisor_started&) {
    RC_ASSERT(!started_);
    started_ = true;
  }

  void see(const effect::supervisor_ended& e) {
    RC_ASSERT(!ended_);
    RC_ASSERT(pick([](const actor& a) { return a.alive() || a.parked; }).empty());
    RC_ASSERT(timers_.empty());
    RC_ASSERT((e.why.what == end_info::kind::max_intensity) == gave_up_);
    ended_ = true;
  }

  void see(const effect::command_done& e) { RC_ASSERT(open_commands_.erase(e.command) == 1u); }

  void see(const effect::report& e) {
    auto in_window = [this] {
      return std::count_if(counted_.begin(), counted_.end(),
                           [this](duration x) { return now_ - x <= flags_.period; });
    };
    if (e.what == effect::report::kind::restarted && e.reason != "by hand"
        && e.delay == duration{0}) {
      counted_.push_back(now_);
      RC_ASSERT(in_window() <= flags_.intensity);
    } else if (e.what == effect::report::kind::gave_up) {
      counted_.push_back(now_);
      RC_ASSERT(in_window() > flags_.intensity);
      gave_up_ = true;
    }
  }

  void answer(uint32_t whom, uint32_t how) {
    if (auto open = pick([](const actor& a) { return a.starting || a.asked || a.killed; });
        !open.empty())
      answer_one(open[whom % open.size()], how);
  }

  void answer_one(child_ref child, uint32_t how) {
    auto& a = actors_.at(child);
    if (a.starting && how >= 20 && !(a.asked && how % 2 == 0)) {
      a.starting = false;
      a.up = true;
      feed([&](auto& out) { core_.started(child, {}, now_, out); });
    } else if (a.starting && how % 3 != 0) {
      a.starting = false;
      a.asked = a.killed = false;
      a.parked = true;
      feed([&](auto& out) { core_.start_failed(child, "no luck", now_, out); });
    } else {
      end(child, exit_kind::shutdown);
    }
  }

  void end(child_ref child, exit_kind kind) {
    auto& a = actors_.at(child);
    a.starting = a.up = a.asked = a.killed = false;
    a.parked = true;
    feed([&](auto& out) { core_.ended(child, {kind, "end"}, now_, out); });
  }

  /// Late reports about a child that is gone, or never was.
  void stray(child_ref child) {
    if (actors_.contains(child))
      return;
    feed([&](auto& out) {
      core_.ended(child, {exit_kind::abnormal, "stray"}, now_, out);
      core_.started(child, {}, now_, out);
      core_.start_failed(child, "stray", now_, out);
      RC_ASSERT(out.empty());
    });
  }

  void crash(child_ref child, uint32_t how) {
    auto it = actors_.find(child);
    if (it != actors_.end() && it->second.up)
      end(child, how % 4 == 0 ? exit_kind::normal : exit_kind::abnormal);
  }

  void terminate(child_ref child) {
    command(child, [&](uint64_t n, auto& out) {
      return core_.terminate_child(child, n, now_, out).has_value();
    });
  }

  void restart(child_ref child) {
    command(child, [&](uint64_t n, auto& out) {
      return core_.restart_child(child, n, now_, out).has_value();
    });
  }

  template <class Order>
  void command(child_ref child, Order order) {
    auto it = actors_.find(child);
    auto before = it != actors_.end() && it->second.by_command;
    if (it != actors_.end())
      it->second.by_command = true;
    auto n = ++commands_;
    open_commands_.insert(n);
    feed([&](auto& out) {
      if (order(n, out))
        return;
      open_commands_.erase(n);
      if (it != actors_.end())
        it->second.by_command = before;
      RC_ASSERT(out.empty());
    });
  }

  // Also in front of another child, or of one that is gone.
  void add(uint32_t how, child_ref whom) {
    child_spec spec;
    spec.id = "d" + std::to_string(how % 5);
    spec.restart = static_cast<restart_type>(how % 3);
    auto in_front = how / 8 % 2 == 0;
    auto n = ++commands_;
    open_commands_.insert(n);
    feed([&](auto& out) {
      auto done =
        core_.add_child(ordered_ ? std::make_shared<const child_spec>(spec) : nullptr, spec.id, n,
                        now_, out, in_front ? std::optional{whom} : std::nullopt);
      if (done)
        actors_[*done] = {spec.id, 0};
      else
        open_commands_.erase(n);
      if (done)
        rank_all(in_front ? std::optional{whom} : std::nullopt, *done);
    });
  }

  void rank_all(std::optional<child_ref> whom, child_ref added) {
    std::optional<child_ref> last;
    auto follows = child_ref{};
    ranks_ = 0;
    for (const auto& c : core_.children()) {
      actors_[c.child].rank = ranks_++;
      if (last == added)
        follows = c.child;
      last = c.child;
    }
    if (whom)
      RC_ASSERT(follows == *whom);
    else
      RC_ASSERT(last == added);
  }

  void fire(uint32_t whom) {
    if (timers_.empty())
      return;
    auto at = timers_.begin() + static_cast<std::ptrdiff_t>(whom % timers_.size());
    auto token = *at;
    timers_.erase(at);
    feed([&](auto& out) { core_.timer_fired(token, now_, out); });
    feed([&](auto& out) {
      core_.timer_fired(token, now_, out);
      RC_ASSERT(out.empty()); // Once is enough.
    });
  }

  supervisor_core core_;
  supervisor_flags flags_;
  bool ordered_;
  bool started_ = false, ended_ = false, was_ended_ = false, gave_up_ = false;
  duration now_{0};
  size_t ranks_ = 0;
  uint64_t commands_ = 0;
  std::map<child_ref, actor, key_less> actors_;
  std::set<uint64_t> open_commands_, seen_timers_;
  std::vector<uint64_t> timers_;
  std::vector<duration> counted_;
};

uint32_t any(uint32_t end) {
  return *rc::gen::resize(rc::kNominalSize, rc::gen::inRange<uint32_t>(0, end));
}

using moves = std::vector<std::tuple<uint32_t, uint32_t, uint32_t>>;

moves any_moves() {
  auto number = [](uint32_t end) {
    return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<uint32_t>(0, end));
  };
  return *rc::gen::container<moves>(rc::gen::tuple(number(16), number(64), number(256)));
}

} // namespace

TEST_CASE("supervisor core: keeps its promises whatever the order of events",
          "[supervision][property]") {
  auto held = rc::check("no order of events breaks an invariant", [] {
    supervisor_flags flags;
    flags.strategy = static_cast<strategy>(any(4));
    flags.intensity = any(2) == 0 ? any(4) : 30;
    if (flags.strategy != strategy::simple_one_for_one)
      flags.auto_shutdown = static_cast<auto_shutdown>(any(3));
    std::vector<child_spec_ptr> specs;
    auto count = flags.strategy == strategy::simple_one_for_one ? 1 : any(6);
    auto delays = any(3) == 0;
    for (uint32_t i = 0; i < count; ++i) {
      child_spec spec;
      spec.id = "c" + std::to_string(i);
      spec.restart = static_cast<restart_type>(any(5) % 3);
      spec.shutdown.what = static_cast<shutdown_spec::kind>(any(3));
      auto may_be_significant =
        flags.auto_shutdown != auto_shutdown::never && spec.restart != restart_type::permanent;
      spec.significant = may_be_significant && any(3) == 0;
      if (delays && any(2) == 0)
        spec.backoff = backoff_spec{100ms, 1s, 0.2, {}, {}, {}};
      specs.push_back(std::make_shared<const child_spec>(spec));
    }
    loose_shell shell{flags, specs};
    for (auto [what, whom, how] : any_moves())
      shell.play(what, whom, how);
    if (any(2) == 0) {
      shell.drain();
      shell.check_at_rest();
    }
    shell.stop_and_check();
  });
  REQUIRE(held);
}
