// POST /v1/actors/messages: any registered message, without or with waiting for the answer.
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/message_body.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/json/codec.hpp"
#include "runtime/json/type_registry.hpp"

namespace coppice::admin {

namespace {

constexpr duration request_timeout = std::chrono::seconds{5};
constexpr duration request_timeout_max = std::chrono::minutes{5};

/// A full mailbox: the message goes where it would have gone from another actor.
void bury(const node& owner, const std::string& path, typed_message x,
          const telemetry::trace_context& trace) {
  auto where = owner.locate(path);
  if (!where || !where->place)
    return;
  where->place->refused.fetch_add(1, std::memory_order_relaxed);
  telemetry::process_totals().refused.fetch_add(1, std::memory_order_relaxed);
  where->place->owner().observer->dead({where->place->path(),
                                        "mailbox_full",
                                        nullptr,
                                        std::move(x.content),
                                        trace.trace_id(),
                                        0,
                                        system_clock().now(),
                                        {}});
}

void send(const api_ptr& a, const call& c, const std::string& path, const caf::actor& to,
          typed_message x) {
  auto trace = a->trace_of(c);
  if (auto room = check_room(a->owner, path); !room) {
    bury(a->owner, path, std::move(x), trace);
    c.fail(room.error());
    return;
  }
  telemetry::trace_scope scope{trace, telemetry::origin::in, "/system/admin",
                               "POST /v1/actors/messages"};
  asker::tell(to, std::move(x.content), trace);
  a->audit(c, "send", path, {{"type", x.type}, {"trace_id", trace.trace_id()}});
  c.answer(202, json::object{{"path", a->owner.name() + ":" + path},
                             {"type", x.type},
                             {"trace_id", trace.trace_id()}});
}

/// An actor's pointers are into the message, a client's into all that it sent: `/x` is `/body/x`.
std::string place_in_request(std::string_view type, std::string at) {
  auto* entry = json::types().find(type);
  if (entry == nullptr || !at.starts_with('/'))
    return at;
  auto first = std::string_view{at}.substr(1);
  first = first.substr(0, first.find('/'));
  for (auto& field : entry->fields())
    if (field.name == first)
      return "/body" + at;
  return at;
}

void request(const api_ptr& a, const call& c, const std::string& path, const caf::actor& to,
             typed_message x, duration timeout) {
  auto trace = a->trace_of(c);
  telemetry::trace_scope scope{trace, telemetry::origin::in, "/system/admin",
                               "POST /v1/actors/messages"};
  a->audit(c, "request", path, {{"type", x.type}, {"trace_id", trace.trace_id()}});
  a->owner.questions().ask(
    to, std::move(x.content), timeout,
    [a, c, path, trace, type = x.type](result<caf::message> answer) {
      if (!answer) {
        auto reason = answer.error();
        reason.at = place_in_request(type, std::move(reason.at));
        if (reason.at.empty())
          reason.at = a->owner.name() + ":" + path;
        auto out = problem_of(reason);
        out.headers.set("traceparent", telemetry::to_traceparent(trace));
        c.out->respond(std::move(out));
        return;
      }
      auto body = json::message_to_json(*answer, &a->owner.codec());
      auto out = body ? http::json(200, json::serialize(*body)) : problem_of(body.error());
      out.headers.set("traceparent", telemetry::to_traceparent(trace));
      c.out->respond(std::move(out));
    },
    false, trace);
}

void post_message(const api_ptr& a, call c) {
  auto mode = query_word(c.in, "mode", {"send", "request"});
  auto timeout = query_duration(c.in, "timeout", request_timeout, request_timeout_max);
  if (!mode || !timeout) {
    c.fail(!mode ? mode.error() : timeout.error());
    return;
  }
  auto ask = *mode == "request";
  auto deadline = ask ? *timeout + std::chrono::milliseconds{500} : peer_read_deadline;
  a->once(std::move(c), [a, ask, timeout = *timeout, deadline](call c) {
    at_path(a, std::move(c), deadline, [a, ask, timeout](call c, std::string path) {
      auto message = read_message(a->owner, path, c.in.body);
      auto to = message ? a->owner.find(path) : result<caf::actor>{message.error()};
      if (!to)
        c.fail(to.error());
      else if (ask)
        request(a, c, path, *to, std::move(*message), timeout);
      else
        send(a, c, path, *to, std::move(*message));
    });
  });
}

} // namespace

void add_message_routes(table& to) {
  auto& route = to.add("POST", "/v1/actors/messages", http::role::operator_,
                       "Sends a message, or asks and answers with the answer", post_message);
  route.query = parameters({"path", "mode", "timeout", "node"});
  route.body_schema = "typed_message";
  route.response_schema = "sent_or_answer";
  route.success = {200, 202};
  route.deadline = request_timeout_max + std::chrono::seconds{2};
}

} // namespace coppice::admin
