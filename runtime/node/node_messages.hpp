#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/type_id_ranges.hpp"
#include "runtime/json/document.hpp"
#include "runtime/json/json_messages.hpp"
#include "runtime/json/messages.hpp"

#include <caf/message.hpp>
#include <caf/type_id.hpp>

#include <optional>
#include <string>

namespace coppice {

/// A durable or live event on its way to an actor that subscribed (CloudEvents 1.0). Answering it acknowledges it.
struct event_message {
  std::string id;
  std::string source;
  std::string type;
  std::string subject; ///< The NATS subject it came on.
  std::optional<instant> time;
  json::document data;
  std::string traceparent;
  std::string correlationid;
  std::string causationid;
  uint64_t sequence = 0;   ///< In its stream; 0 for core NATS.
  uint32_t deliveries = 1; ///< How often it was delivered, this time included.
};

template <class Inspector>
bool inspect(Inspector& f, event_message& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("source", x.source),
                            f.field("type", x.type), f.field("subject", x.subject),
                            f.field("time", x.time), f.field("data", x.data),
                            f.field("traceparent", x.traceparent).fallback(""),
                            f.field("correlationid", x.correlationid).fallback(""),
                            f.field("causationid", x.causationid).fallback(""),
                            f.field("sequence", x.sequence).fallback(uint64_t{0}),
                            f.field("deliveries", x.deliveries).fallback(uint32_t{1}));
}

namespace node_internal {

/// Gate: hand the payload to the actor at a path of this node; the answer goes straight to the sender.
struct deliver {
  std::string path;
  caf::message payload;
};

template <class Inspector>
bool inspect(Inspector& f, deliver& x) {
  return f.object(x).fields(f.field("path", x.path), f.field("payload", x.payload));
}

/// Gate: answer a request of the admin API on behalf of another node.
struct forward {
  std::string method;
  std::string target;
  std::string body;
  std::string who; ///< For the audit.
};

template <class Inspector>
bool inspect(Inspector& f, forward& x) {
  return f.object(x).fields(f.field("method", x.method), f.field("target", x.target),
                            f.field("body", x.body), f.field("who", x.who));
}

struct forwarded {
  int32_t status = 200;
  std::string content_type;
  std::string body;
};

template <class Inspector>
bool inspect(Inspector& f, forwarded& x) {
  return f.object(x).fields(f.field("status", x.status), f.field("content_type", x.content_type),
                            f.field("body", x.body));
}

} // namespace node_internal
} // namespace coppice

COPPICE_MESSAGES(node_types, coppice::type_ids::node, (coppice::event_message, "coppice.event"))

// Between gates: the runtime's own, not sent from outside.
CAF_BEGIN_TYPE_ID_BLOCK(node_gate, coppice::type_ids::node + 40)
CAF_ADD_TYPE_ID(node_gate, (coppice::node_internal::deliver), "coppice.gate.deliver")
CAF_ADD_TYPE_ID(node_gate, (coppice::node_internal::forward), "coppice.gate.forward")
CAF_ADD_TYPE_ID(node_gate, (coppice::node_internal::forwarded), "coppice.gate.forwarded")
CAF_END_TYPE_ID_BLOCK(node_gate)

namespace coppice {

/// Registers every type of the runtime, CAF's included. Idempotent; before the first actor system.
void init_runtime_types();

} // namespace coppice
