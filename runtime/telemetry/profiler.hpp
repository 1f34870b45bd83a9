#pragma once

#include <caf/actor_profiler.hpp>

namespace coppice::telemetry {

/// The hook that CAF calls when an actor sends or handles something. For supervised actors it
/// counts what they send, notes their requests (open_requests) and lets the current trace ride on
/// every message; for other actors it only carries the trace on. What supervised actors handle is
/// seen by their own loop.
///
/// Not seen here, because CAF does not ask: free functions (`anon_send`, `send_exit`) and
/// fan_out_request carry no trace and are not counted as sent; time-outs of requests carry none.
/// Threading: stateless; everything lies in the thread's running_state.
class profiler final : public caf::actor_profiler {
public:
  void add_actor(const caf::local_actor&, const caf::local_actor*) override {}
  void remove_actor(const caf::local_actor&) override {}
  void before_processing(const caf::local_actor& self, const caf::mailbox_element& x) override;
  void after_processing(const caf::local_actor& self, caf::invoke_message_result result) override;
  void before_sending(const caf::local_actor& self, caf::mailbox_element& x) override;
  void before_sending_scheduled(const caf::local_actor& self, caf::actor_clock::time_point when,
                                caf::mailbox_element& x) override;
};

} // namespace coppice::telemetry
