#include "runtime/base/address.hpp"
#include "runtime/cluster/membership_core.hpp"

#include <boost/json.hpp>

namespace coppice::cluster {

namespace {

namespace json = boost::json;

constexpr size_t neighbours_max = 1024;
constexpr size_t text_bytes_max = 512;

error broken(const char* what) {
  return error{errc::protocol, std::string{"a members message "} + what, "", ""};
}

bool read(const json::object& x, const char* key, std::string& to) {
  const auto* value = x.if_contains(key);
  if (value == nullptr || !value->is_string() || value->get_string().size() > text_bytes_max)
    return false;
  to.assign(value->get_string().data(), value->get_string().size());
  return true;
}

bool read(const json::object& x, const char* key, std::vector<std::string>& to) {
  const auto* value = x.if_contains(key);
  if (value == nullptr || !value->is_array() || value->get_array().size() > 64)
    return false;
  for (const auto& item : value->get_array()) {
    if (!item.is_string() || item.get_string().size() > 63)
      return false;
    to.emplace_back(item.get_string().data(), item.get_string().size());
  }
  return true;
}

} // namespace

std::string to_json(const members_message& x) {
  json::array roles;
  for (const auto& role : x.self.roles)
    roles.emplace_back(role);
  json::array linked;
  for (const auto& one : x.linked) {
    if (linked.size() == neighbours_max)
      break;
    linked.push_back(json::object{{"name", one.name}, {"address", one.address}});
  }
  json::object self{{"name", x.self.name},           {"state", to_string(x.self.state)},
                    {"roles", std::move(roles)},     {"address", x.self.address},
                    {"admin_url", x.self.admin_url}, {"version", x.self.version},
                    {"schema", x.self.schema},       {"incarnation", x.self.incarnation}};
  return json::serialize(
    json::object{{"type", "members"}, {"self", std::move(self)}, {"linked", std::move(linked)}});
}

result<members_message> members_message_from_json(std::string_view text) {
  json::parse_options options;
  options.max_depth = 8;
  boost::system::error_code code;
  auto value = json::parse({text.data(), text.size()}, code, {}, options);
  if (code || !value.is_object())
    return broken("is not a JSON object");
  const auto& x = value.get_object();
  const auto* self = x.if_contains("self");
  const auto* linked = x.if_contains("linked");
  if (self == nullptr || !self->is_object() || linked == nullptr || !linked->is_array())
    return broken("lacks 'self' or 'linked'");
  members_message out;
  const auto& s = self->get_object();
  std::string state;
  if (!read(s, "name", out.self.name) || !is_name(out.self.name) || !read(s, "state", state)
      || !read(s, "roles", out.self.roles) || !read(s, "address", out.self.address)
      || !read(s, "admin_url", out.self.admin_url) || !read(s, "version", out.self.version)
      || !read(s, "schema", out.self.schema) || !read(s, "incarnation", out.self.incarnation))
    return broken("has a wrong 'self'");
  auto known = member_state_from_string(state);
  if (!known)
    return broken("has an unknown state");
  out.self.state = *known;
  for (const auto& one : linked->get_array()) {
    members_message::neighbour next;
    if (out.linked.size() == neighbours_max)
      break;
    if (!one.is_object() || !read(one.get_object(), "name", next.name) || !is_name(next.name)
        || !read(one.get_object(), "address", next.address))
      return broken("has a wrong neighbour");
    out.linked.push_back(std::move(next));
  }
  return out;
}

} // namespace coppice::cluster
