#include "runtime/supervision/cell.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/supervision/supervision_messages.hpp"
#include "runtime/telemetry/trace_data.hpp"

#include <caf/actor_cast.hpp>
#include <caf/actor_system.hpp>
#include <caf/mailbox_element.hpp>
#include <caf/send.hpp>
#include <caf/system_messages.hpp>

#include <cxxabi.h>

namespace coppice::supervision {

namespace {

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

std::string trace_id_of(const caf::mailbox_element& x) {
  auto* data = static_cast<const telemetry::trace_data*>(x.tracing_id.get());
  return data != nullptr ? data->context.trace_id() : std::string{};
}

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

} // namespace

const seat* current_seat() noexcept {
  return static_cast<const seat*>(telemetry::running.who);
}

/// A message that killed the actor and may be tried again.
struct cell::poison {
  caf::mailbox_element_ptr element;
  uint32_t attempts = 1;
};

/// Opens the protected members of any scheduled actor: a pointer to member formed through a derived class is one to the
/// base class's member.
struct cell::access : caf::scheduled_actor {
  static auto& behaviors(scheduled_actor& x) { return x.*&access::bhvr_stack_; }
  static auto& awaited(scheduled_actor& x) { return x.*&access::awaited_responses_; }
  static auto& multiplexed(scheduled_actor& x) { return x.*&access::multiplexed_responses_; }
  static auto& receive_timeout(scheduled_actor& x) { return x.*&access::pending_timeout_; }
  static auto& mailbox(scheduled_actor& x) { return x.*&access::mailbox_; }
  static auto& fail_state(scheduled_actor& x) { return x.*&access::fail_state_; }
};

cell::cell(seat_ptr place) : seat_(std::move(place)) {}

cell::~cell() = default;

bool cell::is_counted(const caf::mailbox_element& x) noexcept {
  if (x.mid.category() != caf::message_id::normal_message_category || x.mid.is_response())
    return false;
  auto types = x.payload.types();
  if (types.size() != 1)
    return true;
  switch (types[0]) {
    case caf::type_id_v<caf::exit_msg>:
    case caf::type_id_v<caf::down_msg>:
    case caf::type_id_v<caf::node_down_msg>:
    case caf::type_id_v<caf::action>:
      return false;
    default:
      return true;
  }
}

// -- loop ---------------------------------------------------------------------------------------------------------------

caf::resumable::resume_result cell::run(caf::execution_unit* ctx, size_t max_throughput) {
  using caf::resumable;
  auto& a = self();
  a.context(ctx);
  if (phase_ == phase::done)
    return resumable::done;
  telemetry::slice current{*seat_, a.ctrl(), !a.getf(caf::abstract_actor::is_detached_flag)};
  throw_watch watch;
  if (phase_ == phase::fresh)
    first_start();
  size_t consumed = 0;
  auto on_urgent = [&](caf::mailbox_element& x) { return urgent(x, consumed, max_throughput); };
  auto on_normal = [&](caf::mailbox_element& x) { return one(x, consumed, max_throughput); };
  auto& box = access::mailbox(a);
  while (consumed < max_throughput && phase_ != phase::done) {
    box.fetch_more();
    auto before = consumed;
    a.get_urgent_queue().new_round(9, on_urgent);
    if (phase_ == phase::running && poison_ && poison_->element) {
      auto element = std::move(poison_->element);
      serve(*element);
      ++consumed;
    }
    if (phase_ == phase::running)
      a.get_normal_queue().new_round(3, on_normal);
    if (phase_ == phase::done)
      return resumable::done;
    if (phase_ != phase::running)
      park();
    if (consumed == before) {
      if (phase_ == phase::running)
        a.set_receive_timeout();
      if (box.try_block())
        return resumable::awaiting_message;
    }
  }
  if (phase_ == phase::done)
    return resumable::done;
  if (phase_ == phase::running)
    a.set_receive_timeout();
  return box.try_block() ? resumable::awaiting_message : resumable::resume_later;
}

// All user code runs in here.
inline caf::invoke_message_result cell::consume(caf::mailbox_element& x) {
  telemetry::beat(x.payload.types().data());
  if (x.tracing_id == nullptr && !telemetry::probed()) [[likely]]
    return self().consume(x);
  return consume_observed(x);
}

caf::intrusive::task_result cell::one(caf::mailbox_element& x, size_t& consumed, size_t max) {
  using caf::intrusive::task_result;
  auto& a = self();
  auto counted = is_counted(x);
  bool skipped = false;
  try {
    switch (consume(x)) {
      case caf::invoke_message_result::skipped:
        skipped = true;
        break;
      case caf::invoke_message_result::consumed:
        access::behaviors(a).cleanup();
        break;
      case caf::invoke_message_result::dropped:
        if (x.mid.is_response())
          count_late();
        break;
    }
  } catch (...) {
    crashed(&x, std::current_exception());
  }
  if (skipped)
    return task_result::skip;
  if (counted) {
    auto& taken = seat_->taken;
    taken.store(taken.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }
  ++consumed;
  if (phase_ == phase::running)
    check_end();
  return phase_ == phase::running && consumed < max ? task_result::resume : task_result::stop_all;
}

caf::intrusive::task_result cell::urgent(caf::mailbox_element& x, size_t& consumed, size_t max) {
  using caf::intrusive::task_result;
  if (phase_ == phase::done)
    return task_result::stop_all;
  if (x.payload.match_elements<cell_command>()) {
    obey(x.payload.get_as<cell_command>(0));
    ++consumed;
    return phase_ == phase::done ? task_result::stop_all : task_result::resume;
  }
  if (x.payload.match_elements<describe_query>()) {
    describe(x);
    ++consumed;
    return task_result::resume;
  }
  if (phase_ != phase::running)
    return task_result::skip;
  return one(x, consumed, max);
}

// A message outside the queues: the one that is delivered again.
void cell::serve(caf::mailbox_element& x) {
  auto& a = self();
  try {
    if (consume(x) == caf::invoke_message_result::consumed)
      access::behaviors(a).cleanup();
    poison_.reset();
  } catch (...) {
    crashed(&x, std::current_exception());
  }
  if (phase_ == phase::running)
    check_end();
}

// -- life ---------------------------------------------------------------------------------------------------------------

void cell::first_start() {
  auto& a = self();
  phase_ = phase::running;
  // Not the first one in this place: it replaces another.
  if (seat_->incarnation.fetch_add(1, std::memory_order_relaxed) > 0)
    telemetry::process_totals().restarts.fetch_add(1, std::memory_order_relaxed);
  try {
    a.initialize();
  } catch (...) {
    end_reason_ = describe_exception(std::current_exception());
    wait_with({exit_kind::abnormal, end_reason_}, nullptr, throw_watch::take());
    report(child_report::kind::start_failed, {exit_kind::abnormal, end_reason_}, nullptr, {});
    return;
  }
  report(child_report::kind::started, {}, nullptr, {});
  check_end();
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
    end_reason_ = describe_exception(std::current_exception());
    auto stack = throw_watch::take();
    destroy_state();
    wipe();
    phase_ = phase::waiting;
    report(child_report::kind::start_failed, {exit_kind::abnormal, end_reason_}, nullptr, stack);
    return;
  }
  unpark();
  if (seat_->discard_on_restart.load(std::memory_order_relaxed))
    drain({errc::actor_crashed,
           "the mailbox was discarded when the actor restarted",
           seat_->path(),
           {}});
  report(child_report::kind::started, {}, nullptr, {});
  check_end();
}

void cell::obey(const cell_command& command) {
  using kind = cell_command::kind;
  switch (command.what) {
    case kind::restart:
      if (phase_ == phase::waiting)
        restart(command.reason);
      break;
    case kind::stop:
      if (phase_ == phase::running || phase_ == phase::suspended) {
        exit_info exit{exit_kind::shutdown, "shutdown"};
        try {
          call_before_stop();
        } catch (...) {
          exit = {exit_kind::abnormal,
                  "before_stop: " + describe_exception(std::current_exception())};
        }
        wait_with(exit, nullptr, throw_watch::take());
        report(child_report::kind::ended, std::move(exit), nullptr, {});
      }
      break;
    case kind::kill:
    case kind::crash:
      if (phase_ == phase::running || phase_ == phase::suspended) {
        exit_info exit{exit_kind::abnormal, command.reason.empty() ? "killed" : command.reason};
        wait_with(exit, nullptr, {});
        report(child_report::kind::ended, std::move(exit), nullptr, {});
      }
      break;
    case kind::end:
      if (!command.reason.empty())
        end_reason_ = command.reason;
      finish();
      break;
    case kind::suspend:
      if (phase_ == phase::running)
        phase_ = phase::suspended;
      break;
    case kind::resume:
      if (phase_ == phase::suspended) {
        phase_ = phase::running;
        unpark();
      }
      break;
  }
}

void cell::describe(caf::mailbox_element& x) {
  auto& a = self();
  description out;
  out.pending_requests =
    static_cast<uint32_t>(access::multiplexed(a).size()
                          + std::distance(access::awaited(a).begin(), access::awaited(a).end()));
  describe_work(out);
  if (phase_ == phase::running || phase_ == phase::suspended) {
    try {
      out.json = call_describe();
    } catch (...) {
      // A broken describe() must not cost the actor its life: it is a look, not work.
      out.json = "{\"error\":\"describe() threw\"}";
    }
  }
  if (x.sender && x.mid.is_request())
    x.sender->enqueue(a.ctrl(), x.mid.response_id(), caf::make_message(std::move(out)),
                      a.context());
}

// -- ends ---------------------------------------------------------------------------------------------------------------

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
  wait_with(std::move(exit), x, stack);
}

/// Poison: a message may be delivered again as often as the spec says; the delivery counts, not its content.
bool cell::keep_for_retry(caf::mailbox_element& x) {
  auto retries = seat_->poison_retries.load(std::memory_order_relaxed);
  auto attempts = poison_ ? poison_->attempts : 1;
  if (!is_counted(x) || attempts > retries) {
    return false;
  }
  auto copy = caf::make_mailbox_element(x.sender, x.mid, x.stages, x.payload);
  if (auto* data = static_cast<const telemetry::trace_data*>(x.tracing_id.get()))
    copy->tracing_id = telemetry::make_trace_data(data->context, data->how);
  poison_ = std::make_unique<poison>(poison{std::move(copy), attempts + 1});
  return true;
}

void cell::dispose_of(caf::mailbox_element& x, const std::string& reason, const raw_stack& stack,
                      std::string trace_id) {
  auto attempts = poison_ ? poison_->attempts : 1;
  poison_.reset();
  auto& a = self();
  if (x.mid.is_request() && !x.mid.is_answered() && x.sender) {
    auto answer = to_caf({errc::actor_crashed,
                          "the actor failed while it handled this request: " + reason,
                          seat_->path(),
                          {}});
    x.sender->enqueue(a.ctrl(), x.mid.response_id(), caf::make_message(std::move(answer)),
                      a.context());
    x.mid.mark_as_answered();
  }
  if (is_counted(x))
    seat_->owner().observer->dead({seat_->path(), reason, x.sender, x.payload, std::move(trace_id),
                                   attempts, system_clock().now(), stack});
}

/// Has the actor quit, been killed by an exit message or run out of behavior?
void cell::check_end() {
  auto& a = self();
  if (seat_->left_behind.load(std::memory_order_relaxed)) {
    finish();
    return;
  }
  if (a.alive() && !a.getf(caf::abstract_actor::is_shutting_down_flag)) [[likely]]
    return;
  auto exit = exit_of(access::fail_state(a));
  wait_with(exit, nullptr, {});
  report(child_report::kind::ended, std::move(exit), nullptr, {});
}

void cell::wait_with(exit_info exit, const caf::mailbox_element*, raw_stack) {
  end_reason_ = std::move(exit.reason);
  ending_abnormally_ = exit.kind == exit_kind::abnormal;
  wipe();
  phase_ = phase::waiting;
}

void cell::wipe() {
  auto& a = self();
  a.unsetf(caf::abstract_actor::is_shutting_down_flag);
  access::fail_state(a) = caf::error{};
  auto& behaviors = access::behaviors(a);
  behaviors.clear();
  behaviors.cleanup();
  auto& awaited = access::awaited(a);
  auto& multiplexed = access::multiplexed(a);
  awaited.clear();
  multiplexed.clear();
  access::receive_timeout(a).dispose();
  a.set_default_handler(caf::scheduled_actor::default_handler{});
  a.set_error_handler(caf::scheduled_actor::error_handler{});
  a.set_down_handler(caf::scheduled_actor::down_handler{});
  a.set_node_down_handler(caf::scheduled_actor::node_down_handler{});
  a.set_exit_handler(caf::scheduled_actor::exit_handler{});
  a.set_exception_handler(caf::scheduled_actor::exception_handler{});
  for (auto& timer : timers_)
    timer.what.dispose();
  timers_.clear();
  if (auto* open = seat_->requests())
    open->clear(a.id());
  auto links = std::move(links_);
  links_.clear();
  for (auto& link : links) {
    if (auto other = caf::actor_cast<caf::strong_actor_ptr>(link)) {
      a.unlink_from(other);
      auto reason =
        to_caf({errc::actor_crashed, "its owner ended: " + end_reason_, seat_->path(), {}});
      other->enqueue(nullptr, caf::make_message_id(),
                     caf::make_message(caf::exit_msg{a.address(), std::move(reason)}), a.context());
    }
  }
}

void cell::park() {
  auto set_aside = [](auto& queue) {
    queue.cache().append(queue.items());
    queue.items().init();
  };
  set_aside(self().get_normal_queue());
  set_aside(self().get_urgent_queue());
}

void cell::unpark() {
  self().get_normal_queue().flush_cache();
  self().get_urgent_queue().flush_cache();
}

/// Empties the mailbox: requests are answered with `reason`, other user messages become dead letters.
void cell::drain(const error& reason) {
  auto& a = self();
  auto& box = access::mailbox(a);
  box.fetch_more();
  auto take = [&](caf::mailbox_element& x) {
    if (is_counted(x))
      seat_->taken.store(seat_->taken.load(std::memory_order_relaxed) + 1,
                         std::memory_order_relaxed);
    if (x.mid.is_request() && x.sender)
      x.sender->enqueue(a.ctrl(), x.mid.response_id(), caf::make_message(to_caf(reason)),
                        a.context());
    else if (is_counted(x))
      seat_->owner().observer->dead({seat_->path(),
                                     reason.message,
                                     x.sender,
                                     x.payload,
                                     trace_id_of(x),
                                     0,
                                     system_clock().now(),
                                     {}});
    return caf::intrusive::task_result::resume;
  };
  a.get_normal_queue().flush_cache();
  while (!a.get_normal_queue().items().empty())
    a.get_normal_queue().new_round(1000, take);
}

void cell::finish() {
  if (phase_ == phase::done)
    return;
  auto& a = self();
  phase_ = phase::done;
  wipe();
  if (poison_ && poison_->element)
    dispose_of(*poison_->element, end_reason_, {}, trace_id_of(*poison_->element));
  drain({errc::actor_stopped, "the actor ended: " + end_reason_, seat_->path(), {}});
  auto reason = ending_abnormally_ ? to_caf({errc::actor_crashed, end_reason_, seat_->path(), {}})
                                   : caf::make_error(caf::exit_reason::user_shutdown);
  a.quit(std::move(reason));
  a.finalize();
}

// -- small things -------------------------------------------------------------------------------------------------------

void cell::refuse(caf::mailbox_element& x) {
  seat_->refused.fetch_add(1, std::memory_order_relaxed);
  telemetry::process_totals().refused.fetch_add(1, std::memory_order_relaxed);
  if (x.mid.is_request()) {
    if (x.sender) {
      auto limit = std::to_string(seat_->limit.load(std::memory_order_relaxed));
      auto answer = to_caf({errc::mailbox_full,
                            "the mailbox is at its limit of " + limit + " messages",
                            seat_->path(),
                            {}});
      x.sender->enqueue(nullptr, x.mid.response_id(), caf::make_message(std::move(answer)),
                        nullptr);
    }
  } else if (!seat_->drop_newest.load(std::memory_order_relaxed)) {
    seat_->owner().observer->dead({seat_->path(),
                                   "mailbox_full",
                                   x.sender,
                                   x.payload,
                                   trace_id_of(x),
                                   0,
                                   system_clock().now(),
                                   {}});
  }
}

void cell::linked(caf::abstract_actor* other) {
  links_.insert(other->address());
}

void cell::report(child_report::kind what, exit_info exit, const caf::mailbox_element* x,
                  raw_stack stack, std::string trace_id) {
  auto supervisor = caf::actor_cast<caf::strong_actor_ptr>(seat_->owner().supervisor);
  if (!supervisor) {
    // Nobody is left to decide.
    finish();
    return;
  }
  child_report message;
  message.what = what;
  message.child = seat_->child();
  message.exit = std::move(exit);
  message.stack = stack;
  message.at = system_clock().now();
  if (x != nullptr)
    message.message_type = telemetry::type_names(x->payload.types().data());
  message.trace_id = std::move(trace_id);
  auto& a = self();
  supervisor->enqueue(caf::make_mailbox_element(a.ctrl(),
                                                caf::make_message_id(caf::message_priority::high),
                                                {}, std::move(message)),
                      a.context());
}

} // namespace coppice::supervision
