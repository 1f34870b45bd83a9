// JSON Schemas of the shapes in README.md, for the OpenAPI document.
#include "runtime/admin/routes.hpp"

namespace coppice::admin {

namespace {

using fields = std::initializer_list<std::pair<std::string_view, json::value>>;

json::value any() {
  return json::value(json::object{});
}

json::value type(std::string_view name) {
  return json::value(json::object{{"type", name}});
}

json::value nullable(std::string_view name) {
  return json::value(json::object{{"type", json::array{json::value(name), json::value("null")}}});
}

json::value text() {
  return type("string");
}
json::value integer() {
  return type("integer");
}
json::value number() {
  return type("number");
}
json::value flag() {
  return type("boolean");
}
json::value time() {
  return json::value(
    json::object{{"type", json::array{"string", "null"}}, {"format", "date-time"}});
}

json::value list_of(json::value items) {
  return json::value(json::object{{"type", "array"}, {"items", std::move(items)}});
}

json::value ref(std::string_view name) {
  return json::value(json::object{{"$ref", "#/components/schemas/" + std::string{name}}});
}

json::object shape(fields members) {
  json::object properties;
  for (auto& [name, schema] : members)
    properties[name] = schema;
  return {{"type", "object"}, {"properties", std::move(properties)}};
}

/// A body: nothing else is allowed.
json::object body(fields members, std::initializer_list<std::string_view> required) {
  auto out = shape(members);
  json::array names;
  for (auto name : required)
    names.emplace_back(name);
  out["required"] = std::move(names);
  out["additionalProperties"] = false;
  return out;
}

json::object with(json::object base, fields more) {
  auto& properties = base["properties"].as_object();
  for (auto& [name, schema] : more)
    properties[name] = schema;
  return base;
}

json::object entry() {
  return shape({{"node", text()},
                {"path", text()},
                {"id", text()},
                {"kind", text()},
                {"type", text()},
                {"state", text()},
                {"restart", text()},
                {"isolation", text()},
                {"restarts", integer()},
                {"incarnation", integer()},
                {"mailbox", integer()},
                {"started_at", time()},
                {"last_exit", any()},
                {"strategy", text()},
                {"intensity", integer()},
                {"period", text()},
                {"restarts_in_window", integer()},
                {"error", ref("node_error")}});
}

json::value message_counts() {
  return json::value(shape({{"in", integer()}, {"out", integer()}, {"failed", integer()}}));
}

void add_actor_shapes(json::object& to) {
  to["node_error"] = shape({{"code", text()}, {"message", text()}});
  to["tree"] = with(entry(), {{"children", list_of(ref("tree"))}});
  to["tree_list"] = list_of(ref("tree"));
  to["row"] = with(entry(), {{"messages", message_counts()},
                             {"busy_s", nullable("number")},
                             {"latency_s", nullable("number")},
                             {"restarts_window", integer()}});
  to["actor"] = with(entry(), {{"spec", type("object")},
                               {"mailbox_limit", nullable("integer")},
                               {"messages", message_counts()},
                               {"busy_s", nullable("number")},
                               {"latency_s", nullable("number")},
                               {"timers", nullable("array")},
                               {"links", nullable("array")},
                               {"monitors", nullable("array")},
                               {"pending", nullable("array")},
                               {"open", nullable("object")},
                               {"asked_from_outside", list_of(type("object"))},
                               {"history", list_of(type("object"))},
                               {"user_state", any()},
                               {"unanswered", text()},
                               {"accepts", list_of(text())}});
  to["actor_or_rows"] = json::object{{"oneOf", json::array{ref("actor"), list_of(ref("row"))}}};
  to["done"] = shape({{"node", text()},
                      {"path", text()},
                      {"state", text()},
                      {"incarnation", integer()},
                      {"killed", list_of(text())}});
  to["child"] = body({{"type", text()},
                      {"args", type("object")},
                      {"restart", text()},
                      {"shutdown", text()},
                      {"significant", flag()},
                      {"backoff", type("object")},
                      {"mailbox", type("object")},
                      {"poison", type("object")},
                      {"isolation", text()},
                      {"supervisor", type("object")},
                      {"children", list_of(type("object"))}},
                     {});
  to["typed_message"] = body({{"type", text()}, {"body", any()}}, {"type"});
  to["sent_or_answer"] =
    shape({{"path", text()}, {"type", any()}, {"trace_id", text()}, {"body", any()}});
  to["paused"] = shape({{"target", text()}, {"until", time()}});
  to["killed_node"] = shape({{"node", text()}});
}

void add_cluster_shapes(json::object& to) {
  to["version"] =
    shape({{"version", text()}, {"commit", text()}, {"caf", text()}, {"schema", text()}});
  to["status"] =
    shape({{"ok", flag()},
           {"problems",
            list_of(json::value(shape({{"node", text()}, {"area", text()}, {"text", text()}})))},
           {"nodes", list_of(type("object"))},
           {"consumers", list_of(type("object"))},
           {"oldest_request", nullable("object")}});
  to["node_list"] = list_of(json::value(shape({{"name", text()},
                                               {"state", text()},
                                               {"since", time()},
                                               {"roles", list_of(text())},
                                               {"address", nullable("string")},
                                               {"admin_url", nullable("string")},
                                               {"version", text()},
                                               {"uptime_s", nullable("number")},
                                               {"actors", nullable("integer")},
                                               {"load", nullable("number")},
                                               {"schema", text()}})));
  to["history_list"] = list_of(json::value(shape({{"at", time()},
                                                  {"node", text()},
                                                  {"kind", text()},
                                                  {"path", nullable("string")},
                                                  {"text", text()},
                                                  {"trace_id", nullable("string")},
                                                  {"details", type("object")}})));
  to["log_list"] = list_of(type("object"));
  to["log_level_change"] = body({{"level", text()}, {"for", nullable("string")}}, {"level"});
  to["log_level"] = shape({{"path", nullable("string")}, {"level", text()}, {"until", time()}});
  to["why"] = shape({{"waits", list_of(ref("wait"))},
                     {"cycles", list_of(list_of(text()))},
                     {"oldest", ref("wait")},
                     {"held", list_of(json::value(shape({{"path", text()},
                                                         {"reason", text()},
                                                         {"messages", integer()},
                                                         {"oldest_type", nullable("string")},
                                                         {"age_s", nullable("number")}})))},
                     {"shutdown_blockers",
                      list_of(json::value(shape(
                        {{"path", text()}, {"reason", text()}, {"age_s", nullable("number")}})))}});
  to["span"] = shape({{"at", time()},
                      {"node", text()},
                      {"path", text()},
                      {"direction", text()},
                      {"peer", nullable("string")},
                      {"type", text()},
                      {"trace_id", nullable("string")},
                      {"span_id", nullable("string")},
                      {"parent_id", nullable("string")},
                      {"duration_us", number()},
                      {"ok", flag()},
                      {"skipped", integer()}});
  to["wait"] = shape({{"from", text()}, {"to", text()}, {"type", text()}, {"age_s", number()}});
  to["config_list"] = list_of(json::value(shape({{"node", text()},
                                                 {"file", nullable("string")},
                                                 {"text", text()},
                                                 {"config", type("object")}})));
  to["reload_list"] =
    list_of(json::value(shape({{"node", text()}, {"applied", flag()}, {"plan", type("object")}})));
}

void add_type_shapes(json::object& to) {
  to["type_list"] =
    list_of(json::value(shape({{"name", text()}, {"kind", text()}, {"summary", text()}})));
  to["type"] = shape({{"name", text()},
                      {"kind", text()},
                      {"summary", text()},
                      {"fields", list_of(type("object"))},
                      {"schema", type("object")},
                      {"example", any()},
                      {"accepts", list_of(text())},
                      {"accepted_by", list_of(text())}});
  to["schema_table"] = shape({{"types", list_of(type("object"))}});
}

void add_event_shapes(json::object& to) {
  to["published"] = shape({{"subject", text()},
                           {"stream", nullable("string")},
                           {"sequence", nullable("integer")},
                           {"duplicate", flag()},
                           {"id", text()}});
  to["message"] = shape({{"data", any()}, {"data_base64", text()}, {"nats", type("object")}});
  to["stream"] = shape({{"name", text()},
                        {"subjects", list_of(text())},
                        {"messages", integer()},
                        {"bytes", integer()},
                        {"first_sequence", integer()},
                        {"last_sequence", integer()},
                        {"last_time", time()},
                        {"consumers", integer()},
                        {"retention", text()},
                        {"max_age_s", nullable("number")},
                        {"max_bytes", nullable("integer")},
                        {"created", time()},
                        {"consumer_list", ref("consumer_list")}});
  to["stream_list"] = list_of(ref("stream"));
  to["consumer"] = shape({{"stream", text()},
                          {"name", text()},
                          {"filter", nullable("string")},
                          {"lag", integer()},
                          {"pending", integer()},
                          {"ack_pending", integer()},
                          {"redelivered", integer()},
                          {"delivered", integer()},
                          {"ack_floor", integer()},
                          {"waiting", integer()}});
  to["consumer_list"] = list_of(ref("consumer"));
  to["consumer_deleted"] = shape({{"stream", text()}, {"name", text()}, {"deleted", flag()}});
  to["outbox_list"] = list_of(json::value(shape({{"node", text()},
                                                 {"pending", integer()},
                                                 {"pending_bytes", integer()},
                                                 {"oldest_age_s", number()},
                                                 {"in_flight", integer()},
                                                 {"published", integer()},
                                                 {"failed", integer()},
                                                 {"last_error", nullable("string")},
                                                 {"entries", list_of(type("object"))}})));
  to["outbox_pending_list"] =
    list_of(json::value(shape({{"node", text()}, {"pending", integer()}})));
  auto letter = shape({{"id", text()},
                       {"at", time()},
                       {"reason", text()},
                       {"origin", text()},
                       {"subject", text()},
                       {"type", text()},
                       {"attempts", integer()},
                       {"trace_id", nullable("string")},
                       {"size", integer()},
                       {"state", text()},
                       {"node", text()}});
  to["letter_list"] = list_of(json::value(letter));
  to["letter"] = with(letter, {{"payload", text()},
                               {"payload_base64", text()},
                               {"headers", type("object")},
                               {"stack", list_of(text())},
                               {"replayed_to", nullable("string")},
                               {"state_at", time()}});
  to["letter_counts"] = list_of(json::value(shape({{"node", text()},
                                                   {"reason", text()},
                                                   {"type", text()},
                                                   {"subject", text()},
                                                   {"count", integer()},
                                                   {"first", time()},
                                                   {"last", time()}})));
  to["replayed"] = shape({{"id", text()},
                          {"to", nullable("string")},
                          {"replayed", flag()},
                          {"error", ref("node_error")}});
  to["dropped"] = shape({{"id", text()}, {"dropped", flag()}});
  to["event"] = shape({{"stream", text()},
                       {"version", integer()},
                       {"position", integer()},
                       {"id", text()},
                       {"type", text()},
                       {"time", time()},
                       {"data", any()},
                       {"metadata", type("object")},
                       {"scope", text()},
                       {"node", text()}});
  to["event_list"] = list_of(ref("event"));
  to["new_event"] = body(
    {{"type", text()}, {"data", any()}, {"metadata", type("object")}, {"id", text()}}, {"type"});
  to["new_events"] =
    json::object{{"oneOf", json::array{ref("new_event"), list_of(ref("new_event"))}}};
  to["appended"] = shape({{"stream", text()},
                          {"version", integer()},
                          {"position", integer()},
                          {"ids", list_of(text())},
                          {"scope", text()},
                          {"node", text()}});
}

} // namespace

http::string_map schema_texts() {
  json::object all;
  add_actor_shapes(all);
  add_cluster_shapes(all);
  add_type_shapes(all);
  add_event_shapes(all);
  http::string_map out;
  for (auto& member : all)
    out.emplace(member.key(), json::serialize(member.value()));
  return out;
}

} // namespace coppice::admin
