#include "runtime/admin/child_body.hpp"

#include "runtime/node/config/load.hpp"

namespace coppice::admin {

namespace sv = coppice::supervision;

namespace {

// How the child is called inside the configuration text that is made of it.
constexpr std::string_view child_key = "user[0].children[0]";
constexpr std::string_view body_file = "body";

/// `user[0].children[0].mailbox.limit` -> `/mailbox/limit`.
std::string pointer_of(std::string_view key) {
  if (key.starts_with(child_key))
    key.remove_prefix(child_key.size());
  std::string out;
  for (auto c : key) {
    if (c == '.' || c == '[')
      out += '/';
    else if (c != ']')
      out += c;
  }
  return out;
}

error to_error(const config::mistake& x) {
  auto text = x.found;
  if (!x.expected.empty())
    text += "; expected " + x.expected;
  return {errc::invalid_config, std::move(text), pointer_of(x.key), x.hint};
}

/// Type and arguments in the catalog's own words and codes.
result<void> check_type(const json::object& body, const catalog& types) {
  auto* type = body.if_contains("type");
  if (type == nullptr || body.contains("supervisor"))
    return {};
  if (!type->is_string())
    return error{errc::wrong_type,
                 json::describe_value(*type) + "; expected the name of an actor type",
                 "/type",
                 {}};
  auto* args = body.if_contains("args");
  auto made = types.make(std::string_view{type->as_string()},
                         args == nullptr ? json::value(json::object{}) : *args);
  if (made)
    return {};
  auto reason = made.error();
  reason.at = (reason.code == errc::unknown_type ? "/type" : "/args") + reason.at;
  return reason;
}

json::object wrap(const std::string& id, const json::object& body,
                  const sv::supervisor_flags& parent) {
  json::object child{{"id", id}};
  for (auto& member : body)
    child.insert(member);
  json::object above{
    {"id", "parent"},
    {"supervisor", json::object{{"strategy", sv::to_string(parent.strategy)},
                                {"intensity", parent.intensity},
                                {"period", sv::to_string(parent.period)},
                                {"auto_shutdown", sv::to_string(parent.auto_shutdown)}}},
    {"children", json::array{child}}};
  return {{"node", json::object{{"name", "node"}}}, {"user", json::array{above}}};
}

} // namespace

result<config::tree_child> child_from_json(const std::string& id, const json::value& body,
                                           const catalog& types,
                                           const sv::supervisor_flags& parent) {
  if (!body.is_object())
    return error{errc::wrong_type,
                 json::describe_value(body)
                   + "; expected an object such as {\"type\":\"edge.host_poller\"}",
                 {},
                 {}};
  auto& object = body.as_object();
  if (object.contains("id"))
    return error{errc::unknown_field, "the id is the last part of the path", "/id", {}};
  if (object.contains("placement"))
    return error{errc::unknown_field,
                 "where it lives is said by the path's node or by role",
                 "/placement",
                 {}};
  if (auto known = check_type(object, types); !known)
    return known.error();
  config::load_options options;
  options.check_type = [&types](std::string_view type, std::string_view args) -> result<void> {
    auto value = json::parse(args);
    if (!value)
      return value.error();
    auto made = types.make(type, *value);
    return made ? result<void>{} : result<void>{made.error()};
  };
  // JSON is YAML, so the configuration's own reader says what is wrong with it.
  auto loaded =
    config::load_text(body_file, json::serialize_pretty(wrap(id, object, parent)), options);
  if (!loaded) {
    auto out = to_error(loaded.mistakes.front());
    if (auto more = loaded.mistakes.size() - 1; more > 0)
      out.message +=
        " (and " + std::to_string(more) + (more == 1 ? " more mistake)" : " more mistakes)");
    return out;
  }
  return std::move(loaded.config->nodes.front().config.user.front().children.front());
}

} // namespace coppice::admin
