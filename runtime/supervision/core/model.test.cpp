#include "runtime/supervision/core/world_driver.test.hpp"

#include <catch2/catch_test_macros.hpp>
#include <rapidcheck.h>

#include <cstdlib>

using namespace coppice;
using namespace coppice::supervision;
using namespace coppice::supervision::test;
using namespace std::chrono_literals;

namespace {

/// What rapidcheck makes up and shrinks; every value means something.
struct move {
  uint8_t what = 0, whom = 0, how = 0;
};

std::ostream& operator<<(std::ostream& out, const move& x) {
  return out << "{" << int{x.what} << "," << int{x.whom} << "," << int{x.how} << "}";
}

rc::Gen<move> any_move() {
  // Values of the whole range in small cases, too; a case's size is how many moves it has.
  auto up_to = [](uint8_t end) {
    return rc::gen::resize(rc::kNominalSize, rc::gen::inRange<uint8_t>(0, end));
  };
  return rc::gen::construct<move>(up_to(16), up_to(255), up_to(255));
}

/// Prefer more cases than rapidcheck's 100, unless RC_PARAMS says otherwise (it also replays a failure).
[[maybe_unused]] const bool many_cases = [] {
  setenv("RC_PARAMS", "max_success=8000 max_size=100", 0);
  return true;
}();

child_spec make_spec(const std::string& id, const move& m, const supervisor_flags& flags) {
  child_spec out;
  out.id = id;
  out.restart = static_cast<restart_type>(m.what % 5 % 3);
  out.shutdown.what = static_cast<shutdown_spec::kind>(m.whom % 3);
  auto may_be_significant =
    flags.auto_shutdown != auto_shutdown::never && out.restart != restart_type::permanent;
  out.significant = may_be_significant && m.how % 2 == 0;
  if (m.how % 4 == 1) {
    out.backoff = backoff_spec{100ms, 1s, 0.0, {}, {}, {}};
    if (m.whom % 2 == 0)
      out.backoff->give_up_after_count = m.whom % 5;
    if (m.whom % 3 == 0)
      out.backoff->give_up_after_time = 500ms;
    if (m.whom % 7 == 0)
      out.backoff->reset_after = 200ms;
  }
  return out;
}

supervisor_flags make_flags(const move& m) {
  supervisor_flags out;
  out.strategy = static_cast<strategy>(m.what % 4);
  out.intensity = m.whom % 3 == 0 ? m.whom % 5 : 5 + m.whom % 40;
  out.period = m.how % 2 == 0 ? duration{5s} : duration{300ms};
  if (out.strategy != strategy::simple_one_for_one)
    out.auto_shutdown = static_cast<auto_shutdown>(m.how % 3);
  return out;
}

std::string join(const std::vector<std::string>& lines) {
  std::string out;
  for (const auto& line : lines)
    out += line + "\n";
  return out;
}

std::string tree(const supervisor_core& core) {
  std::string out;
  for (const auto& c : core.children()) {
    auto coming = c.state == child_state::backoff || c.state == child_state::restarting
                  || c.state == child_state::starting;
    out += std::string{c.id}
           + (c.state == child_state::running ? "+"
              : coming                        ? "~"
                                              : "-")
           + std::to_string(c.incarnation) + "/" + std::to_string(c.restarts) + " ";
  }
  return out;
}

std::string tree(const reference_model& model) {
  std::string out;
  for (const auto& c : model.children)
    out += c.id
           + (c.up        ? "+"
              : c.waiting ? "~"
                          : "-")
           + std::to_string(c.incarnation) + "/" + std::to_string(c.restarts) + " ";
  return out;
}

/// The core and the model, given the same moves.
struct pair_of {
  supervisor_flags flags;
  std::vector<child_spec_ptr> specs;
  world around;
  world_driver real;
  reference_model model;
  uint64_t commands = 0;

  pair_of(supervisor_flags f, std::vector<child_spec_ptr> s, world w)
    : flags(f),
      specs(std::move(s)),
      around(w),
      real(flags, specs, around) {
    model.flags = flags;
    model.around = around;
    if (flags.strategy != strategy::simple_one_for_one) {
      for (const auto& spec : specs)
        model.children.push_back({spec->id, *spec});
    }
  }

  std::string pick(uint8_t whom) const {
    return model.children.empty() ? "c0" : model.children[whom % model.children.size()].id;
  }

  void order(const std::string& id, bool terminate) {
    if (auto child = real.core.find(id)) {
      real.run([&](auto& out) {
        auto done = terminate ? real.core.terminate_child(*child, commands + 1, real.when(), out)
                              : real.core.restart_child(*child, commands + 1, real.when(), out);
        commands += done.has_value();
      });
    }
    terminate ? model.terminate(id) : model.restart_by_hand(id);
  }

  void crash(const std::string& id, exit_kind kind) {
    auto child = real.core.find(id);
    auto* known = model.find(id);
    if (!child || !known || !known->up)
      return;
    real.run([&](auto& out) { real.core.ended(*child, {kind, "boom"}, real.when(*child), out); });
    model.exit(id, kind == exit_kind::abnormal);
  }

  void add(const move& m) {
    auto id = "c" + std::to_string(m.whom % 9);
    if (id == "c8")
      id = "x" + std::to_string(commands);
    auto simple = flags.strategy == strategy::simple_one_for_one;
    auto spec = simple ? *specs[0] : make_spec(id, {m.how, m.what, m.whom}, flags);
    real.run([&](auto& out) {
      auto done = real.core.add_child(simple ? nullptr : std::make_shared<const child_spec>(spec),
                                      id, commands + 1, real.when(), out);
      commands += done.has_value();
    });
    model.add(spec, id);
  }

  void fire() {
    auto timer = real.next_timer();
    auto due = model.next_due();
    RC_ASSERT(timer.has_value() == due.has_value());
    if (!timer)
      return;
    RC_ASSERT(timer->second == *due);
    real.now = model.now = std::max(real.now, *due);
    real.fire(timer->first);
    model.fire();
  }

  void remove(const std::string& id) {
    if (auto child = real.core.find(id))
      real.run([&](auto& out) { (void)real.core.delete_child(*child, out); });
    if (flags.strategy != strategy::simple_one_for_one)
      model.remove_by_hand(id);
  }

  void play(const move& m) {
    switch (m.what) {
      case 0:
      case 1:
      case 2:
      case 3:
        crash(pick(m.whom), exit_kind::abnormal);
        break;
      case 4:
        crash(pick(m.whom), m.how % 2 == 0 ? exit_kind::normal : exit_kind::shutdown);
        break;
      case 5:
      case 6:
        order(pick(m.whom), true);
        break;
      case 7:
      case 8:
        order(pick(m.whom), false);
        break;
      case 9:
      case 10:
        add(m);
        break;
      case 11:
        remove(pick(m.whom));
        break;
      case 12:
      case 13:
        fire();
        break;
      case 14:
        pass(duration{m.whom * 10ms});
        break;
      default:
        m.whom < 16 ? stop() : add(m);
        break;
    }
  }

  /// Time passes, but never past a delay that is to fire first.
  void pass(duration by) {
    auto due = model.next_due();
    real.now = model.now =
      due ? std::max(model.now, std::min(*due, model.now + by)) : model.now + by;
  }

  void stop() {
    real.run([&](auto& out) { real.core.stop("asked", real.now, out); });
    model.stop();
  }

  void compare() {
    if (real.log != model.log || tree(real.core) != tree(model))
      RC_FAIL("core:\n" + join(real.log) + tree(real.core) + "\n\nmodel:\n" + join(model.log)
              + tree(model));
    RC_ASSERT(real.ended == model.ended);
  }
};

} // namespace

TEST_CASE("supervisor core: does what OTP's text says for random sequences",
          "[supervision][property]") {
  auto held = rc::check("core and model do the same", [] {
    auto flags = make_flags(*any_move());
    auto setup =
      *rc::gen::container<std::vector<move>>(*rc::gen::element<size_t>(1, 3, 3, 4, 6), any_move());
    auto moves = *rc::gen::container<std::vector<move>>(any_move());
    world around{*rc::gen::arbitrary<uint64_t>(), *rc::gen::element<uint32_t>(0, 3, 10, 40),
                 *rc::gen::element<uint32_t>(0, 30)};
    if (flags.strategy == strategy::simple_one_for_one)
      setup.resize(1);
    std::vector<child_spec_ptr> specs;
    for (const auto& m : setup)
      specs.push_back(std::make_shared<const child_spec>(
        make_spec("c" + std::to_string(specs.size()), m, flags)));
    pair_of both{flags, specs, around};
    both.real.run([&](auto& out) { both.real.core.start({}, both.real.now, out); });
    both.model.start();
    both.compare();
    size_t alive = 0;
    for (const auto& m : moves) {
      both.play(m);
      both.compare();
      alive += !both.model.ended;
    }
    RC_CLASSIFY(alive >= 10, "lived over ten moves");
    RC_CLASSIFY(both.model.log.size() >= 20, "twenty effects");
    both.stop();
    both.compare();
    RC_ASSERT(both.real.ended);
    RC_ASSERT(both.real.answered == both.commands);
    RC_TAG(std::string{to_string(flags.strategy)});
  });
  REQUIRE(held);
}
