// POST /v1/subjects/{subject} and /request: bytes and events to NATS.
#include "runtime/admin/inspect.hpp"
#include "runtime/admin/nats_view.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/events/nats_client.hpp"
#include "runtime/events/subject.hpp"

namespace coppice::admin {

namespace {

constexpr duration flush_deadline = std::chrono::seconds{2};
constexpr duration reply_timeout = std::chrono::seconds{5};
constexpr duration reply_timeout_max = std::chrono::minutes{5};

struct outgoing {
  events::message message;
  std::string id;
};

/// The message out of a request: its bytes, or a CloudEvent around them.
result<outgoing> read_outgoing(api& a, const call& c) {
  outgoing out;
  out.message.subject = c.in.param("subject");
  if (auto ok = events::check_subject(out.message.subject); !ok)
    return error{ok.error().code, ok.error().message, "subject", ok.error().hint};
  auto headers = nats_headers(c.in);
  if (!headers)
    return headers.error();
  out.message.headers = std::move(*headers);
  if (auto given = events::find_header(out.message.headers, "Nats-Msg-Id"))
    out.id = std::string{*given};
  if (out.id.empty())
    out.id = a.new_id();
  auto type = std::string{c.in.query_value("event")};
  if (type.empty()) {
    out.message.payload = c.in.body;
    return out;
  }
  auto data =
    json::parse(c.in.body.empty() ? std::string_view{"null"} : std::string_view{c.in.body});
  if (!data)
    return data.error();
  events::event event;
  event.id = out.id;
  event.source = a.owner.name() + ":/system/admin";
  event.type = type;
  event.time = system_now();
  event.data = c.in.body;
  event.traceparent = telemetry::to_traceparent(a.trace_of(c));
  if (auto ok = events::check(event); !ok)
    return ok.error();
  out.message.payload = events::to_json(event);
  for (auto& header : events::structured_headers(event))
    out.message.headers.push_back(header);
  return out;
}

json::object published(const outgoing& x, const events::publish_ack* ack) {
  json::object out{{"subject", x.message.subject},
                   {"stream", nullptr},
                   {"sequence", nullptr},
                   {"duplicate", ack != nullptr && ack->duplicate},
                   {"id", x.id}};
  if (ack != nullptr) {
    out["stream"] = ack->stream;
    out["sequence"] = ack->sequence;
  }
  return out;
}

/// Blocks. A stream's answer when one takes the subject; else core NATS, at most once.
void publish_now(const api_ptr& a, const call& c, events::nats_client& nats, const outgoing& x) {
  auto stream = nats.stream_of(x.message.subject);
  if (!stream && stream.error().code != errc::not_found) {
    c.fail(stream.error());
    return;
  }
  if (!stream) {
    auto sent = nats.publish(x.message);
    if (sent)
      sent = nats.flush(flush_deadline);
    if (!sent) {
      c.fail(sent.error());
      return;
    }
    a->audit(c, "publish", x.message.subject, {{"id", x.id}});
    c.answer(200, published(x, nullptr));
    return;
  }
  auto accepted = nats.publish_stream(x.message, x.id, [a, c, x](result<events::publish_ack> ack) {
    if (!ack) {
      c.fail(ack.error());
      return;
    }
    a->audit(c, "publish", x.message.subject, {{"id", x.id}, {"stream", ack->stream}});
    c.answer(200, published(x, &*ack));
  });
  if (!accepted)
    c.fail(accepted.error());
}

void post_subject(const api_ptr& a, call c) {
  auto nats = nats_of(a->owner);
  if (!nats) {
    c.fail(nats.error());
    return;
  }
  a->once(std::move(c), [a, nats = *nats](call c) {
    auto out = read_outgoing(*a, c);
    if (!out) {
      c.fail(out.error());
      return;
    }
    a->blocking(c, [a, c, nats, out = std::move(*out)] { publish_now(a, c, *nats, out); });
  });
}

void post_request(const api_ptr& a, call c) {
  auto nats = nats_of(a->owner);
  auto timeout = query_duration(c.in, "timeout", reply_timeout, reply_timeout_max);
  auto out = read_outgoing(*a, c);
  for (auto* failed : {!timeout ? &timeout.error() : nullptr, !out ? &out.error() : nullptr,
                       !nats ? &nats.error() : nullptr})
    if (failed != nullptr) {
      c.fail(*failed);
      return;
    }
  a->blocking(c, [a, c, nats = *nats, timeout = *timeout, x = std::move(*out)] {
    a->audit(c, "nats request", x.message.subject);
    auto answer = nats->request(x.message, timeout);
    if (!answer) {
      auto reason = answer.error();
      if (reason.at.empty())
        reason.at = x.message.subject;
      c.fail(reason);
      return;
    }
    c.answer(200, json::value(
                    message_json({answer->subject, {}, 0, {}}, answer->headers, answer->payload)));
  });
}

} // namespace

void add_subject_routes(table& to) {
  auto& post = to.add("POST", "/v1/subjects/{subject}", http::role::operator_,
                      "Publishes the body's bytes; Nats-Header: K: V gives headers, event=TYPE "
                      "wraps JSON in a CloudEvent",
                      post_subject);
  post.query = parameters({"event"});
  post.response_schema = "published";
  auto& ask = to.add("POST", "/v1/subjects/{subject}/request", http::role::operator_,
                     "Asks over NATS and answers with the answer", post_request);
  ask.query = parameters({"timeout"});
  ask.response_schema = "message";
  ask.deadline = reply_timeout_max + std::chrono::seconds{2};
}

} // namespace coppice::admin
