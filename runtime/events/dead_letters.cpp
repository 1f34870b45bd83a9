#include "runtime/events/dead_letters.hpp"

#include "runtime/events/base64.hpp"
#include "runtime/events/outbox.hpp"
#include "runtime/json/utf8.hpp"
#include "runtime/json/value.hpp"

namespace coppice::events {

namespace {

constexpr std::string_view event_type = "coppice.dead_letter";

bool is_text(std::string_view payload) {
  for (size_t at = 0; at < payload.size();) {
    auto length = json::utf8_length(payload, at);
    if (length == 0)
      return false;
    at += length;
  }
  return true;
}

std::string token(std::string_view origin) {
  std::string out;
  for (char c : origin)
    out.push_back((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ? c
                                                                                           : '_');
  return out.empty() ? "unknown" : out;
}

result<std::string> text(const json::object& x, std::string_view name, bool required) {
  auto* value = x.if_contains(name);
  if (value == nullptr || value->is_null()) {
    if (!required)
      return std::string{};
    return error{errc::missing_field, "a dead letter needs " + std::string{name},
                 "/data/" + std::string{name}};
  }
  if (!value->is_string())
    return error{errc::wrong_type, "found " + json::describe_value(*value) + ", expected a string",
                 "/data/" + std::string{name}};
  return std::string{value->get_string()};
}

uint64_t number(const json::object& x, std::string_view name) {
  auto* value = x.if_contains(name);
  return value != nullptr && value->is_int64() && value->get_int64() > 0
           ? static_cast<uint64_t>(value->get_int64())
           : 0;
}

constexpr std::string_view causation_header = "ce-causationid";
constexpr std::string_view correlation_header = "ce-correlationid";

void name_cause_of(const store::dead_letter& x, event& to) {
  if (x.origin == "actor") {
    to.causationid = find_header(x.headers, causation_header).value_or("");
    to.correlationid = find_header(x.headers, correlation_header).value_or("");
  } else if (auto held = event_from_message(x.headers, x.payload)) {
    to.correlationid = held->correlationid.empty() ? held->id : std::move(held->correlationid);
    to.causationid = std::move(held->id);
  }
}

} // namespace

header_list cause_headers(const std::string& causationid, const std::string& correlationid) {
  return {{std::string{causation_header}, causationid},
          {std::string{correlation_header}, correlationid}};
}

stream_config dead_letter_stream() {
  stream_config out;
  out.name = "COPPICE_DEAD";
  out.subjects = {"dead.>"};
  out.max_age = std::chrono::hours{24 * 30};
  out.max_bytes = 256 << 20;
  return out;
}

std::string dead_letter_subject(const store::dead_letter& x) {
  return "dead." + token(x.origin);
}

event to_event(const store::dead_letter& x, const std::string& node) {
  json::object data;
  data["reason"] = x.reason;
  data["origin"] = x.origin;
  data["subject"] = x.subject;
  data["type"] = x.type;
  data["attempts"] = x.attempts;
  if (is_text(x.payload))
    data["payload"] = x.payload;
  else
    data["payload_base64"] = to_base64(x.payload);
  json::array headers;
  for (const auto& [name, value] : x.headers)
    headers.push_back(json::array({json::value(name), json::value(value)}));
  data["headers"] = std::move(headers);
  data["trace_id"] = x.trace_id;
  data["size"] = x.size;
  json::array stack;
  for (const auto& frame : x.stack)
    stack.emplace_back(frame);
  data["stack"] = std::move(stack);
  event out;
  out.id = x.id;
  out.source = node.empty() ? "/system/events" : node + ":/system/events";
  out.type = std::string{event_type};
  out.subject = x.subject;
  out.time = x.at;
  out.data = json::serialize(json::value(std::move(data)));
  name_cause_of(x, out);
  return out;
}

result<store::dead_letter> dead_letter_from_event(const event& x) {
  if (x.type != event_type)
    return error{errc::unknown_type, "an event of type '" + x.type + "' is no dead letter", "/type",
                 std::string{event_type}};
  auto parsed = json::parse(x.data);
  if (!parsed || !parsed->is_object())
    return error{errc::wrong_type, "a dead letter's data is an object", "/data"};
  const auto& data = parsed->get_object();
  store::dead_letter out;
  out.id = x.id;
  out.at = x.time.value_or(instant{});
  struct field {
    std::string_view name;
    std::string* to;
    bool required;
  };
  std::string encoded;
  for (const auto& f :
       {field{"reason", &out.reason, true}, field{"origin", &out.origin, true},
        field{"subject", &out.subject, true}, field{"type", &out.type, false},
        field{"payload", &out.payload, false}, field{"payload_base64", &encoded, false},
        field{"trace_id", &out.trace_id, false}}) {
    auto value = text(data, f.name, f.required);
    if (!value)
      return value.error();
    *f.to = std::move(*value);
  }
  if (!encoded.empty()) {
    auto bytes = from_base64(encoded);
    if (!bytes)
      return error{errc::invalid_value, "payload_base64 is not base64", "/data/payload_base64"};
    out.payload = std::move(*bytes);
  }
  out.attempts = static_cast<uint32_t>(number(data, "attempts"));
  out.size = number(data, "size");
  if (auto* headers = data.if_contains("headers"); headers != nullptr && headers->is_array())
    for (const auto& pair : headers->get_array())
      if (pair.is_array() && pair.get_array().size() == 2 && pair.get_array()[0].is_string()
          && pair.get_array()[1].is_string())
        out.headers.emplace_back(pair.get_array()[0].get_string(),
                                 pair.get_array()[1].get_string());
  if (auto* stack = data.if_contains("stack"); stack != nullptr && stack->is_array())
    for (const auto& frame : stack->get_array())
      if (frame.is_string())
        out.stack.emplace_back(frame.get_string());
  return out;
}

dead_letter_sink::dead_letter_sink(std::shared_ptr<store::dead_letter_store> store,
                                   std::shared_ptr<outbox> out, std::string node)
  : store_(std::move(store)),
    out_(std::move(out)),
    node_(std::move(node)) {}

void dead_letter_sink::add(store::dead_letter letter) {
  add(std::move(letter), [](result<void>) {});
}

void dead_letter_sink::add(store::dead_letter letter, std::function<void(result<void>)> done) {
  auto copy = std::make_shared<store::dead_letter>(letter);
  store_->add(std::move(letter), [copy, out = out_, node = node_,
                                  done = std::move(done)](result<std::string> id) {
    if (!id)
      return done(id.error());
    copy->id = *id;
    copy->size = std::max<uint64_t>(copy->size, copy->payload.size());
    auto x = to_event(*copy, node);
    // The stream is a copy for others to see; a letter too big for it stays here only.
    if (out)
      out->publish(std::move(x), dead_letter_subject(*copy), [](result<std::string>) {});
    done({});
  });
}

} // namespace coppice::events
