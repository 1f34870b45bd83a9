#include "runtime/json/value.hpp"
#include "runtime/supervision/cell_internals.hpp"
#include "runtime/supervision/relay.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <caf/mailbox_element.hpp>
#include <caf/system_messages.hpp>

// The message loop.
namespace coppice::supervision {

const seat* current_seat() noexcept {
  return static_cast<const seat*>(telemetry::running.who);
}

const seat* seat_of(const caf::abstract_actor* x) noexcept {
  if (auto* found = dynamic_cast<const cell*>(x))
    return found->place().get();
  auto* face = dynamic_cast<const relay*>(x);
  return face != nullptr ? face->place().get() : nullptr;
}

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

caf::resumable::resume_result cell::run(caf::execution_unit* ctx, size_t max_throughput) {
  using caf::resumable;
  auto& a = self();
  me_ = &a;
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
    if (phase_ != phase::running) [[unlikely]] {
      if (phase_ == phase::replacing)
        replace();
      else if (leaving_)
        finish();
      if (phase_ == phase::done)
        return resumable::done;
      park();
    }
    if (consumed == before) {
      if (phase_ == phase::running)
        a.set_receive_timeout();
      if (box.try_block())
        return resumable::awaiting_message;
    }
  }
  if (leaving_
      && phase_ == phase::waiting) // Ended as soon as it came up, in a turn of its supervisor's.
    finish();
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
    return me_->consume(x);
  return consume_observed(x);
}

caf::intrusive::task_result cell::one(caf::mailbox_element& x, size_t& consumed, size_t max) {
  using caf::intrusive::task_result;
  auto& a = *me_;
  auto counted = is_counted(x);
  auto may_be_tie = !counted && ties_ != nullptr;
  if (may_be_tie && !hear(x)) [[unlikely]] {
    count_late();
    return ++consumed < max ? task_result::resume : task_result::stop_all;
  }
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
  if (skipped) {
    if (may_be_tie)
      put_back(x);
    return task_result::skip;
  }
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
    return phase_ == phase::done || phase_ == phase::replacing ? task_result::stop_all
                                                               : task_result::resume;
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

/// Has the actor quit, been killed by an exit message or run out of behavior?
void cell::check_end() {
  if (seat_->left_behind.load(std::memory_order_relaxed)) {
    finish();
    return;
  }
  if (quits()) [[unlikely]]
    has_quit();
}

void cell::obey(const cell_command& command) {
  using kind = cell_command::kind;
  switch (command.what) {
    case kind::restart:
      if (phase_ != phase::waiting)
        break;
      if (!is_replaced()) {
        restart(command.reason);
      } else {
        // Outside of the queue that this command comes from.
        end_reason_ = command.reason;
        phase_ = phase::replacing;
      }
      break;
    case kind::stop:
      if (is_up())
        stop(command.for_good);
      break;
    case kind::kill:
      if (is_up()) {
        exit_info exit{exit_kind::abnormal, command.reason.empty() ? "killed" : command.reason};
        wait_with(exit);
        report(child_report::kind::ended, std::move(exit), nullptr, {});
      }
      break;
    case kind::crash:
      if (is_up())
        drill(command.reason);
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
    case kind::wake:
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
      out.json = json::serialize(
        json::object{{"error", "describe: " + describe_exception(std::current_exception())}});
    }
  }
  if (x.sender && x.mid.is_request())
    x.sender->enqueue(a.ctrl(), x.mid.response_id(), caf::make_message(std::move(out)),
                      a.context());
}

} // namespace coppice::supervision
