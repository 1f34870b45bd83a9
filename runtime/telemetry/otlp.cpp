#include "runtime/telemetry/otlp.hpp"

#include "runtime/json/value.hpp"

namespace coppice::telemetry {

namespace {

json::object text_attribute(std::string_view key, std::string_view x) {
  return {{"key", key}, {"value", json::object{{"stringValue", x}}}};
}

// SpanKind: 1 internal, 5 consumer.
int kind_of(const span& x) {
  return x.how == origin::timer ? 1 : 5;
}

json::object to_object(const span& x, const otlp_resource& from) {
  json::array attributes;
  attributes.push_back(
    text_attribute("messaging.system", x.how == origin::nats ? "nats" : "coppice"));
  attributes.push_back(text_attribute("messaging.destination.name", from.node + ":" + x.path));
  attributes.push_back(text_attribute("messaging.message.type", x.type));
  attributes.push_back(text_attribute("coppice.direction", to_string(x.how)));
  if (!x.peer.empty())
    attributes.push_back(text_attribute("coppice.peer", x.peer));
  json::object out{{"traceId", x.trace.trace_id()}, {"spanId", x.trace.span_id()}};
  if (x.trace.parent != 0)
    out["parentSpanId"] = x.trace.parent_id();
  out["name"] = x.path + " " + x.type;
  out["kind"] = kind_of(x);
  out["startTimeUnixNano"] = std::to_string(x.at.ns);
  out["endTimeUnixNano"] = std::to_string((x.at + x.took).ns);
  out["attributes"] = std::move(attributes);
  // StatusCode: 0 unset, 2 error.
  out["status"] =
    x.ok ? json::object{} : json::object{{"code", 2}, {"message", "the handler threw"}};
  return out;
}

} // namespace

std::string otlp_json(std::span<const span> spans, const otlp_resource& from) {
  json::array list;
  list.reserve(spans.size());
  for (auto& x : spans)
    list.push_back(to_object(x, from));
  json::array resource{text_attribute("service.name", from.service),
                       text_attribute("service.instance.id", from.node)};
  if (!from.version.empty())
    resource.push_back(text_attribute("service.version", from.version));
  json::object scope{{"scope", json::object{{"name", "coppice.actors"}}},
                     {"spans", std::move(list)}};
  json::object per_resource{{"resource", json::object{{"attributes", std::move(resource)}}}};
  per_resource["scopeSpans"] = json::array{json::value(std::move(scope))};
  json::object out;
  out["resourceSpans"] = json::array{json::value(std::move(per_resource))};
  return json::serialize(json::value(std::move(out)));
}

std::string otlp_traces_url(std::string_view endpoint) {
  constexpr std::string_view path = "/v1/traces";
  while (!endpoint.empty() && endpoint.back() == '/')
    endpoint.remove_suffix(1);
  std::string out{endpoint};
  if (!endpoint.ends_with(path))
    out += path;
  return out;
}

} // namespace coppice::telemetry
