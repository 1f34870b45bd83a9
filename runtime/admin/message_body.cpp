#include "runtime/admin/message_body.hpp"

#include "runtime/base/address.hpp"
#include "runtime/json/codec.hpp"
#include "runtime/json/type_registry.hpp"

namespace coppice::admin {

namespace {

error in_field(error x, std::string_view field) {
  x.at = std::string{field} + x.at;
  return x;
}

} // namespace

result<typed_message> make_typed(const node& owner, std::string_view path, std::string_view type,
                                 const json::value& body) {
  auto entry = json::types().require(type);
  if (!entry)
    return error{entry.error().code, entry.error().message, "/type", entry.error().hint};
  if (auto takes = owner.check_accepts(path, (*entry)->type_id); !takes)
    return takes.error();
  auto content = json::message_from_json((*entry)->type_id, body, &owner.codec());
  if (!content)
    return in_field(content.error(), "/body");
  return typed_message{(*entry)->name, std::move(*content)};
}

result<typed_message> read_message(const node& owner, std::string_view path,
                                   const std::string& text) {
  auto whole = json::parse(text);
  if (!whole)
    return whole.error();
  if (!whole->is_object())
    return error{errc::wrong_type,
                 json::describe_value(*whole) + R"(; expected {"type":"NAME","body":{}})",
                 {},
                 {}};
  auto& object = whole->as_object();
  for (auto& member : object)
    if (member.key() != "type" && member.key() != "body") {
      std::string at;
      json::append_pointer(at, member.key());
      constexpr std::string_view names[] = {"type", "body"};
      return error{errc::unknown_field, "the message has only type and body", at,
                   nearest_name(std::string_view{member.key()}.substr(0, 64), names)};
    }
  auto* type = object.if_contains("type");
  if (type == nullptr || type->is_null())
    return error{errc::missing_field, "the message's type is missing", "/type", {}};
  if (!type->is_string())
    return error{errc::wrong_type,
                 json::describe_value(*type) + "; expected the name of a message type",
                 "/type",
                 {}};
  auto* body = object.if_contains("body");
  return make_typed(owner, path, std::string_view{type->as_string()},
                    body == nullptr ? json::value(json::object{}) : *body);
}

result<void> check_room(const node& owner, std::string_view path) {
  auto where = owner.locate(path);
  if (!where || !where->place)
    return {};
  auto& seat = *where->place;
  auto limit = seat.limit.load();
  if (seat.drop_newest.load() || seat.depth() < limit)
    return {};
  return error{errc::mailbox_full,
               "its mailbox is at its limit of " + std::to_string(limit),
               owner.name() + ":" + std::string{path},
               {}};
}

} // namespace coppice::admin
