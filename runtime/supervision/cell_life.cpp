#include "runtime/base/clock.hpp"
#include "runtime/supervision/cell_internals.hpp"
#include "runtime/supervision/relay.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <caf/actor_cast.hpp>
#include <caf/mailbox_element.hpp>

#include <cxxabi.h>
#include <stdexcept>

// Starts, ends, restarts.
namespace coppice::supervision {

namespace {

exit_info exit_of(const caf::error& reason) {
  if (!reason)
    return {exit_kind::normal, "normal"};
  if (reason.category() == caf::type_id_v<caf::exit_reason>) {
    auto code = static_cast<caf::exit_reason>(reason.code());
    if (code == caf::exit_reason::normal)
      return {exit_kind::normal, "normal"};
    if (code == caf::exit_reason::user_shutdown)
      return {exit_kind::shutdown, "shutdown"};
  }
  return {exit_kind::abnormal, to_string(from_caf(reason))};
}

[[noreturn, gnu::noinline]] void throw_drill(const std::string& reason) {
  throw std::runtime_error(reason);
}

} // namespace

std::string describe_exception(const std::exception_ptr& what) {
  try {
    std::rethrow_exception(what);
  } catch (const std::exception& e) {
    int status = 0;
    auto name = abi::__cxa_demangle(typeid(e).name(), nullptr, nullptr, &status);
    std::string out = status == 0 ? name : typeid(e).name();
    std::free(name);
    return out + ": " + e.what();
  } catch (...) {
    return "exception of an unknown type";
  }
}

void cell::first_start() {
  auto& a = self();
  phase_ = phase::running;
  // Not the first one in this place: it replaces another.
  if (seat_->incarnation.fetch_add(1, std::memory_order_relaxed) > 0)
    telemetry::process_totals().restarts.fetch_add(1, std::memory_order_relaxed);
  // A constructor may have set one of its own.
  auto* set = access::on_unhandled(a)
                .target<caf::skippable_result (*)(caf::scheduled_actor*, caf::message&)>();
  if (set != nullptr && *set == caf::print_and_drop)
    a.set_default_handler(bury_unhandled);
  try {
    a.initialize();
  } catch (...) {
    start_failed();
    return;
  }
  started();
}

void cell::started() {
  if (quits() && !seat_->left_behind.load(std::memory_order_relaxed)) {
    has_quit(true);
    return;
  }
  report(child_report::kind::started, {}, nullptr, {});
  check_end();
  if (phase_ == phase::running && seat_->suspended.load(std::memory_order_relaxed))
    phase_ = phase::suspended;
}

/// Called in a handler of the exception.
void cell::start_failed() {
  exit_info exit{exit_kind::abnormal, describe_exception(std::current_exception())};
  auto stack = throw_watch::take();
  wait_with(exit);
  report(child_report::kind::start_failed, std::move(exit), nullptr, stack);
}

void cell::restart(const std::string& reason) {
  auto& a = self();
  telemetry::process_totals().restarts.fetch_add(1, std::memory_order_relaxed);
  seat_->incarnation.fetch_add(1, std::memory_order_relaxed);
  try {
    call_before_restart(reason);
    destroy_state();
    create_state();
    // Only now: a throwing constructor must not meet a half-built actor with messages.
    wipe();
    phase_ = phase::running;
    if (auto behavior = build_behavior())
      a.do_become(std::move(behavior), true);
  } catch (...) {
    start_failed();
    destroy_state();
    return;
  }
  unpark();
  discard_if_told();
  started();
}

/// The same with another actor: it gets what waits here, and the relay leads to it from then on.
void cell::replace() {
  auto& a = self();
  phase_ = phase::waiting;
  auto door = face();
  if (!door) {
    finish();
    return;
  }
  caf::strong_actor_ptr next;
  try {
    call_before_restart(end_reason_);
    next = spawn_next(door);
  } catch (...) {
    start_failed();
    return;
  }
  auto& heir = dynamic_cast<cell&>(*caf::actor_cast<caf::abstract_actor*>(next));
  discard_if_told();
  // In two steps: others wait during the second one only, which has few messages left.
  std::vector<caf::mailbox_element_ptr> late;
  hand_over(heir, late);
  heir.poison_ = std::move(poison_);
  auto& relay = relay::of(door);
  relay.lead_to(next, [&] {
    hand_over(heir, late);
    step_aside();
  });
  for (auto i = late.size(); i > 0; --i)
    count_late();
  late.clear();
  relay.adopt(a);
  next->enqueue(caf::make_mailbox_element(nullptr,
                                          caf::make_message_id(caf::message_priority::high), {},
                                          cell_command{cell_command::kind::wake, {}}),
                a.context());
  phase_ = phase::done;
  a.quit(caf::make_error(caf::exit_reason::user_shutdown));
  a.finalize();
}

void cell::crashed(caf::mailbox_element* x, std::exception_ptr what) {
  auto stack = throw_watch::take();
  auto reason = describe_exception(what);
  seat_->failed.store(seat_->failed.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  telemetry::process_totals().failed.fetch_add(1, std::memory_order_relaxed);
  auto trace_id = std::exchange(telemetry::running.failed_trace, {}).trace_id();
  exit_info exit{exit_kind::abnormal, reason};
  report(child_report::kind::ended, exit, x, stack, trace_id);
  if (x != nullptr && !keep_for_retry(*x))
    dispose_of(*x, reason, stack, std::move(trace_id));
  wait_with(std::move(exit));
}

/// A fault drill: what a handler that throws looks like, with a stack of its own.
void cell::drill(const std::string& reason) {
  try {
    throw_drill(reason);
  } catch (...) {
    auto stack = throw_watch::take();
    exit_info exit{exit_kind::abnormal, reason.empty() ? "fault drill" : reason};
    wait_with(exit);
    report(child_report::kind::ended, std::move(exit), nullptr, stack);
  }
}

void cell::stop(bool for_good) {
  exit_info exit{exit_kind::shutdown, "shutdown"};
  raw_stack stack;
  try {
    call_before_stop();
  } catch (...) {
    exit = {exit_kind::abnormal, "before_stop: " + describe_exception(std::current_exception())};
    stack = throw_watch::take();
  }
  leaving_ = for_good;
  wait_with(exit);
  report(child_report::kind::ended, std::move(exit), nullptr, stack);
}

/// `came_up`: while it started.
void cell::has_quit(bool came_up) {
  auto exit = exit_of(access::fail_state(self()));
  leaving_ = seat_->temporary.load(std::memory_order_relaxed);
  wait_with(exit);
  report(child_report::kind::ended, std::move(exit), nullptr, {}, {}, came_up);
}

void cell::wait_with(exit_info exit) {
  end_reason_ = std::move(exit.reason);
  end_kind_ = exit.kind;
  if (leaving_)
    drop_work();
  else
    wipe();
  phase_ = phase::waiting;
}

/// What is under way, here and elsewhere.
void cell::drop_work() {
  auto& a = self();
  auto& behaviors = access::behaviors(a);
  behaviors.clear();
  behaviors.cleanup();
  auto& awaited = access::awaited(a);
  auto& multiplexed = access::multiplexed(a);
  awaited.clear();
  multiplexed.clear();
  access::receive_timeout(a).dispose();
  for (auto& timer : timers_)
    timer.what.dispose();
  timers_.clear();
  if (auto* open = seat_->requests())
    open->clear(a.id());
  cut_ties();
}

/// All that an incarnation may have set up: the next one begins like the first.
void cell::wipe() {
  auto& a = self();
  drop_work();
  a.unsetf(caf::abstract_actor::is_shutting_down_flag);
  access::fail_state(a) = caf::error{};
  a.set_default_handler(bury_unhandled);
  a.set_error_handler(caf::scheduled_actor::error_handler{});
  a.set_down_handler(caf::scheduled_actor::down_handler{});
  a.set_node_down_handler(caf::scheduled_actor::node_down_handler{});
  a.set_exit_handler(caf::scheduled_actor::exit_handler{});
  a.set_exception_handler(caf::scheduled_actor::exception_handler{});
}

void cell::finish() {
  if (phase_ == phase::done)
    return;
  auto& a = self();
  if (phase_ != phase::waiting)
    drop_work();
  phase_ = phase::done;
  if (poison_ && poison_->element)
    dispose_of(*poison_->element, end_reason_, {}, trace_id_of(*poison_->element));
  if (has_waiting())
    drain({errc::actor_stopped, "the actor ended: " + end_reason_, seat_->path(), {}});
  caf::error reason; // What monitors are told; none: it ended by itself.
  if (end_kind_ == exit_kind::abnormal)
    reason = to_caf({errc::actor_crashed, end_reason_, seat_->path(), {}});
  else if (end_kind_ == exit_kind::shutdown)
    reason = caf::make_error(caf::exit_reason::user_shutdown);
  if (is_replaced())
    gone(reason);
  a.quit();
  access::fail_state(a) = std::move(reason);
  a.finalize();
}

void cell::report(child_report::kind what, exit_info exit, const caf::mailbox_element* x,
                  const raw_stack& stack, std::string trace_id, bool came_up) {
  caf::strong_actor_ptr supervisor;
  child_report* direct = nullptr;
  if (comes_up_here.place == seat_.get())
    direct = std::exchange(comes_up_here, {}).report;
  if (direct == nullptr) {
    supervisor = caf::actor_cast<caf::strong_actor_ptr>(seat_->owner().supervisor);
    if (!supervisor) {
      // Nobody is left to decide.
      finish();
      return;
    }
  }
  child_report message;
  message.what = what;
  message.child = seat_->child();
  message.exit = std::move(exit);
  message.came_up = came_up;
  message.gone = leaving_;
  message.at = system_clock().now();
  if (x != nullptr || stack.size > 0 || !trace_id.empty()) {
    auto types = x != nullptr ? x->payload.types().data() : nullptr;
    message.crash = std::make_shared<child_report::circumstances>(
      child_report::circumstances{telemetry::type_names(types), std::move(trace_id), stack});
  }
  if (direct != nullptr) {
    *direct = std::move(message);
    return;
  }
  // Without a sender: nothing is answered.
  supervisor->enqueue(caf::make_mailbox_element(nullptr,
                                                caf::make_message_id(caf::message_priority::high),
                                                {}, std::move(message)),
                      self().context());
}

} // namespace coppice::supervision
