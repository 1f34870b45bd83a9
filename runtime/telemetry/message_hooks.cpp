#include "runtime/telemetry/message_hooks.hpp"

#include "runtime/base/clock.hpp"
#include "runtime/telemetry/span_hub.hpp"

namespace coppice::telemetry {

namespace {

struct outgoing {
  span_hub::ticket to;
  span what;
};

// One a thread: a message reaches its receiver inside the call that sends it, so there is never
// more than one.
outgoing& last_sent() {
  thread_local outgoing x;
  return x;
}

void give(std::string peer) {
  auto& x = last_sent();
  running.out_pending = false;
  x.what.peer = std::move(peer);
  span_hub::give(x.to, std::move(x.what));
  x.to = {};
}

} // namespace

void sending(const caf::mailbox_element& x) {
  flush_sending();
  if ((probes.load(std::memory_order_relaxed) & probe::spans) == 0)
    return;
  auto path = running.who->path();
  // The exporter wants work, not messages: the receiver's span tells of this one.
  auto to = span_hub::admit(path, {});
  if (!to)
    return;
  auto& last = last_sent();
  last.to = std::move(to);
  last.what = {};
  last.what.at = system_clock().now();
  last.what.path = std::move(path);
  last.what.how = origin::out;
  last.what.type = type_names(x.payload.types().data());
  last.what.trace = running.trace;
  running.out_pending = true;
}

void sent_to(const subject& receiver) {
  if (running.out_pending)
    give(receiver.path());
}

void flush_sending() {
  if (running.out_pending)
    give({});
}

} // namespace coppice::telemetry
