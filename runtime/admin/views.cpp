#include "runtime/admin/views.hpp"

#include "runtime/node/config/complete.hpp"
#include "runtime/supervision/stack_trace.hpp"

namespace coppice::admin {

namespace sv = coppice::supervision;

json::value instant_json(instant x) {
  if (x.ns == 0)
    return nullptr;
  return json::value(to_string(x));
}

double seconds(duration x) {
  // Milliseconds are enough for people and keep the numbers short.
  return static_cast<double>(x.count() / 1'000'000) / 1e3;
}

json::value text_json(std::string_view text) {
  if (text.empty())
    return nullptr;
  auto parsed = json::parse(text);
  return parsed ? std::move(*parsed) : json::value(std::string{text});
}

json::object entry_json(const std::string& node, const sv::tree_entry& x) {
  json::object out{{"node", node},
                   {"path", x.path},
                   {"id", x.id},
                   {"kind", sv::to_string(x.kind)},
                   {"type", x.type},
                   {"state", sv::to_string(x.state)},
                   {"restart", sv::to_string(x.spec.restart)},
                   {"isolation", sv::to_string(x.spec.isolation)},
                   {"restarts", x.restarts},
                   {"incarnation", x.incarnation},
                   {"mailbox", x.mailbox},
                   {"started_at", instant_json(x.started_at)},
                   {"last_exit", nullptr}};
  if (x.last)
    out["last_exit"] = json::object{{"reason", x.last->reason},
                                    {"message_type", x.last->message_type.empty()
                                                       ? json::value(nullptr)
                                                       : json::value(x.last->message_type)},
                                    {"at", instant_json(x.last->at)}};
  if (x.kind == sv::child_kind::supervisor) {
    out["strategy"] = sv::to_string(x.flags.strategy);
    out["intensity"] = x.flags.intensity;
    out["period"] = to_string(x.flags.period);
    out["restarts_in_window"] = x.restarts_in_window;
  }
  return out;
}

json::object tree_json(const std::string& node, const sv::tree_entry& x) {
  auto out = entry_json(node, x);
  json::array children;
  children.reserve(x.children.size());
  for (auto& child : x.children)
    children.push_back(tree_json(node, child));
  out["children"] = std::move(children);
  return out;
}

namespace {

json::object backoff_json(const sv::backoff_spec& x) {
  json::object out{{"min", to_string(x.min)}, {"max", to_string(x.max)}, {"jitter", x.jitter}};
  if (x.reset_after)
    out["reset_after"] = to_string(*x.reset_after);
  if (x.give_up_after_count)
    out["give_up_after"] = *x.give_up_after_count;
  if (x.give_up_after_time)
    out["give_up_after"] = to_string(*x.give_up_after_time);
  return out;
}

} // namespace

void mask_secrets(json::value& x) {
  if (auto* list = x.if_array()) {
    for (auto& item : *list)
      mask_secrets(item);
    return;
  }
  auto* object = x.if_object();
  if (object == nullptr)
    return;
  for (auto& member : *object) {
    if (config::is_secret_name(member.key()) && !member.value().is_null())
      member.value() = "***";
    else
      mask_secrets(member.value());
  }
}

json::object spec_json(const sv::tree_entry& x, const sv::recipe* what) {
  auto& spec = x.spec;
  json::object out{{"id", x.id}};
  if (what != nullptr) {
    auto args = text_json(what->arguments());
    mask_secrets(args);
    out["type"] = what->type();
    out["args"] = args.is_null() ? json::value(json::object{}) : args;
  }
  if (x.kind == sv::child_kind::supervisor)
    out["supervisor"] = json::object{{"strategy", sv::to_string(x.flags.strategy)},
                                     {"intensity", x.flags.intensity},
                                     {"period", to_string(x.flags.period)},
                                     {"auto_shutdown", sv::to_string(x.flags.auto_shutdown)}};
  out["restart"] = sv::to_string(spec.restart);
  out["shutdown"] = sv::to_string(spec.shutdown);
  out["significant"] = spec.significant;
  out["backoff"] = spec.backoff ? json::value(backoff_json(*spec.backoff)) : json::value(nullptr);
  if (x.kind == sv::child_kind::worker) {
    out["mailbox"] = json::object{{"limit", spec.mailbox.limit},
                                  {"overflow", sv::to_string(spec.mailbox.overflow)},
                                  {"on_restart", sv::to_string(spec.mailbox.on_restart)}};
    out["poison"] = json::object{{"retries", spec.poison_retries}};
    out["isolation"] = sv::to_string(spec.isolation);
  }
  return out;
}

json::object history_json(const timeline_entry& x) {
  auto details = text_json(x.details);
  auto trace = details.is_object() ? details.as_object().if_contains("trace_id") : nullptr;
  return {{"at", instant_json(x.at)},
          {"node", x.node},
          {"kind", x.kind},
          {"path", x.path.empty() ? json::value(nullptr) : json::value(x.path)},
          {"text", x.text},
          {"trace_id", trace != nullptr && trace->is_string() ? *trace : json::value(nullptr)},
          {"details", details.is_object() ? details : json::value(json::object{})}};
}

json::object restart_json(const sv::restart_record& x) {
  json::array stack;
  for (auto& frame : sv::symbolize(x.stack))
    stack.emplace_back(frame);
  return {
    {"at", instant_json(x.at)},
    {"path", x.path},
    {"reason", x.reason},
    {"message_type", x.message_type.empty() ? json::value(nullptr) : json::value(x.message_type)},
    {"trace_id", x.trace_id.empty() ? json::value(nullptr) : json::value(x.trace_id)},
    {"downtime_ms", static_cast<double>(x.downtime.count() / 1'000) / 1e3},
    {"by_hand", x.by_hand},
    {"incarnation", x.incarnation},
    {"stack", std::move(stack)}};
}

json::object letter_json(const std::string& node, const store::dead_letter& x) {
  return {{"id", x.id},
          {"at", instant_json(x.at)},
          {"reason", x.reason},
          {"origin", x.origin},
          {"subject", x.subject},
          {"type", x.type},
          {"attempts", x.attempts},
          {"trace_id", x.trace_id.empty() ? json::value(nullptr) : json::value(x.trace_id)},
          {"size", x.size},
          {"state", store::to_string(x.state)},
          {"node", node}};
}

json::object event_json(const std::string& node, store::store_scope scope,
                        const store::recorded_event& x) {
  return {{"stream", x.stream},
          {"version", x.version},
          {"position", x.position},
          {"id", x.id},
          {"type", x.type},
          {"time", instant_json(x.time)},
          {"data", text_json(x.data)},
          {"metadata", text_json(x.metadata)},
          {"scope", store::to_string(scope)},
          {"node", node}};
}

} // namespace coppice::admin
