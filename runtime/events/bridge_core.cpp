#include "runtime/events/bridge_core.hpp"

#include "runtime/base/address.hpp"
#include "runtime/events/subject.hpp"
#include "runtime/json/value.hpp"

namespace coppice::events {

namespace {

/// Will the same message fail in the same way when it comes again?
bool is_lasting(errc code) {
  switch (code) {
    case errc::invalid_json:
    case errc::unknown_field:
    case errc::missing_field:
    case errc::wrong_type:
    case errc::out_of_range:
    case errc::invalid_value:
    case errc::too_large:
    case errc::unknown_type:
    case errc::not_accepted:
    case errc::invalid_address:
    case errc::unknown_type_at_peer:
      return true;
    default:
      return false;
  }
}

bool has_specversion(const json::value& x) {
  return x.is_object() && x.get_object().contains("specversion");
}

} // namespace

result<void> check(const bridge_rule& rule) {
  if (auto ok = check_filter(rule.subject); !ok)
    return ok;
  if (!rule.durable.empty())
    if (auto ok = check_stream_or_consumer(rule.durable); !ok)
      return error{ok.error().code, ok.error().message, "/durable"};
  if (rule.to.empty())
    return error{errc::missing_field, "a bridge needs the address of an actor", "/to"};
  if (auto to = parse_address(rule.to); !to)
    return error{to.error().code, to.error().message, "/to", to.error().hint};
  if (rule.attempts_max == 0)
    return error{errc::out_of_range, "attempts_max is at least 1", "/attempts_max"};
  return {};
}

bridge_core::bridge_core(bridge_rule rule, type_check check)
  : rule_(std::move(rule)),
    check_(std::move(check)) {}

std::variant<bridge::deliver, bridge::dead> bridge_core::on_message(const bridge_message& x) const {
  bridge::deliver out{.to = rule_.to, .type = rule_.type};
  auto dead = [&](error reason) { return bridge::dead{std::move(reason), out.type, out.event_id}; };
  // Restarts of servers and nodes count as deliveries, too.
  if (x.delivered > 3ull * rule_.attempts_max)
    return dead({errc::actor_crashed,
                 "delivered " + std::to_string(x.delivered) + " times without an answer"});
  auto parsed = find_header(x.headers, "ce-specversion") ? result<json::value>{json::value()}
                                                         : json::parse(x.payload);
  if (!parsed)
    return dead({parsed.error().code, "the payload is no JSON: " + parsed.error().message,
                 parsed.error().at});
  if (find_header(x.headers, "ce-specversion") || has_specversion(*parsed)) {
    auto read = event_from_message(x.headers, x.payload);
    if (!read)
      return dead(read.error());
    out.event_id = read->id;
    out.traceparent = read->traceparent;
    out.correlationid = read->correlationid;
    if (out.type.empty())
      out.type = read->type;
    if (read->data.empty())
      return dead(
        {errc::missing_field, "the event has no JSON data to make a message of", "/data"});
    out.body = std::move(read->data);
  } else {
    if (out.type.empty())
      return dead(
        {errc::unknown_type,
         "the payload is no CloudEvent and the bridge names no type, so the message has none"});
    out.body = std::string{x.payload};
  }
  if (out.traceparent.empty())
    out.traceparent = std::string{find_header(x.headers, "traceparent").value_or("")};
  if (auto ok = check_(out.type, out.body); !ok)
    return dead(ok.error());
  return out;
}

std::variant<bridge::ack, bridge::retry, bridge::dead>
bridge_core::on_answer(const bridge_message& x, const result<void>& answer) const {
  if (answer)
    return bridge::ack{};
  if (is_lasting(answer.error().code) || x.delivered >= rule_.attempts_max)
    return bridge::dead{answer.error(), rule_.type, {}};
  auto delay = rule_.retry_min;
  for (uint64_t i = 1; i < x.delivered && delay < rule_.retry_max; ++i)
    delay *= 2;
  return bridge::retry{std::min(delay, rule_.retry_max)};
}

} // namespace coppice::events
