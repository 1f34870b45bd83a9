#include "runtime/admin/event_body.hpp"

#include "runtime/base/address.hpp"
#include "runtime/json/value.hpp"

namespace coppice::admin {

namespace {

result<store::new_event> read_one(const json::value& x, const std::string& at) {
  constexpr std::string_view names[] = {"type", "data", "metadata", "id"};
  auto* object = x.if_object();
  if (object == nullptr)
    return error{errc::wrong_type,
                 json::describe_value(x) + R"(; expected {"type":"NAME","data":{}})",
                 at,
                 {}};
  store::new_event out;
  for (auto& member : *object) {
    auto place = at;
    json::append_pointer(place, member.key());
    auto& value = member.value();
    auto text = member.key() == "type" || member.key() == "id";
    if (text && !value.is_string())
      return error{
        errc::wrong_type, json::describe_value(value) + "; expected a string", place, {}};
    if (member.key() == "type")
      out.type = value.as_string();
    else if (member.key() == "id")
      out.id = value.as_string();
    else if (member.key() == "data")
      out.data = json::serialize(value);
    else if (member.key() == "metadata" && value.is_object())
      out.metadata = json::serialize(value);
    else if (member.key() == "metadata")
      return error{
        errc::wrong_type, json::describe_value(value) + "; expected an object", place, {}};
    else
      return error{errc::unknown_field, "an event has type, data, metadata and id", place,
                   nearest_name(std::string_view{member.key()}.substr(0, 64), names)};
  }
  if (out.type.empty())
    return error{errc::missing_field, "the event's type is missing", at + "/type", {}};
  return out;
}

} // namespace

result<std::vector<store::new_event>> read_new_events(const std::string& text) {
  auto whole = json::parse(text);
  if (!whole)
    return whole.error();
  std::vector<store::new_event> out;
  if (!whole->is_array()) {
    auto one = read_one(*whole, {});
    if (!one)
      return one.error();
    out.push_back(std::move(*one));
    return out;
  }
  auto& list = whole->as_array();
  if (list.empty() || list.size() > store::append_events_max)
    return error{errc::out_of_range,
                 std::to_string(list.size()) + " events; expected 1 to "
                   + std::to_string(store::append_events_max),
                 {},
                 {}};
  for (size_t i = 0; i < list.size(); ++i) {
    auto one = read_one(list[i], "/" + std::to_string(i));
    if (!one)
      return one.error();
    out.push_back(std::move(*one));
  }
  return out;
}

} // namespace coppice::admin
