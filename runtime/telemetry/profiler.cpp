#include "runtime/telemetry/profiler.hpp"

#include "runtime/telemetry/message_hooks.hpp"
#include "runtime/telemetry/trace_data.hpp"

#include <caf/local_actor.hpp>
#include <caf/mailbox_element.hpp>

namespace coppice::telemetry {

namespace {

// The trace of an unsupervised actor's message, kept apart so that only its own end clears it.
thread_local const caf::actor_control_block* traced_stranger = nullptr;
// Kept here: what the message carries may go on with another one before its handler ends.
thread_local cause_ptr strangers_cause;

void forget_stranger() noexcept {
  traced_stranger = nullptr;
  running.trace = {};
  if (running.cause != nullptr) {
    running.cause = nullptr;
    strangers_cause = nullptr;
  }
}

bool is_running(const caf::local_actor& self) noexcept {
  return running.actor == self.ctrl();
}

} // namespace

void profiler::before_processing(const caf::local_actor& self, const caf::mailbox_element& x) {
  if (is_running(self))
    return;
  // An actor whose handler threw leaves its trace behind: gone with the next message.
  if (traced_stranger != nullptr)
    forget_stranger();
  if (x.tracing_id == nullptr || running.trace || running.cause != nullptr)
    return;
  auto& from = static_cast<const trace_data&>(*x.tracing_id);
  if (!from.context && from.because == nullptr)
    return;
  // As it came: what has no span of its own is no parent.
  running.trace = from.context;
  if (from.because != nullptr) {
    strangers_cause = from.because;
    running.cause = strangers_cause.get();
  }
  traced_stranger = self.ctrl();
}

void profiler::after_processing(const caf::local_actor& self, caf::invoke_message_result) {
  if (traced_stranger != nullptr && traced_stranger == self.ctrl())
    forget_stranger();
}

void profiler::before_sending(const caf::local_actor& self, caf::mailbox_element& x) {
  if (is_running(self)) [[likely]] {
    auto& sent = running.who->sent;
    sent.store(sent.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    if (x.mid.is_request() && x.sender.get() == running.actor)
      note_request(x, 0);
    if (probed()) [[unlikely]]
      sending(x);
  }
  if (running.trace || running.cause != nullptr) [[unlikely]] {
    if (x.tracing_id == nullptr)
      x.tracing_id = make_trace_data(running.trace, origin::in, current_cause());
  }
}

void profiler::before_sending_scheduled(const caf::local_actor& self, caf::actor_clock::time_point,
                                        caf::mailbox_element& x) {
  auto data = std::make_unique<trace_data>(trace_of_timer(), origin::timer);
  if (is_running(self)) {
    auto& sent = running.who->sent;
    sent.store(sent.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    data->incarnation = running.who->incarnation.load(std::memory_order_relaxed);
    data->sender = self.id();
  }
  x.tracing_id = std::move(data);
}

} // namespace coppice::telemetry
