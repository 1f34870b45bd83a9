#include "runtime/json/codec.hpp"

#include "runtime/json/type_registry.hpp"

#include <caf/message_builder.hpp>

namespace coppice::json {

namespace {

error below(error reason, std::string_view pointer) {
  reason.at.insert(0, pointer);
  return reason;
}

result<caf::message> one_element(const value& type, const value& body, const codec_context* context,
                                 const std::string& place) {
  auto name = type.if_string();
  if (!name)
    return error{errc::wrong_type,
                 "expected the name of a message type, found " + describe_value(type),
                 "/type" + place,
                 {}};
  auto entry = types().require({name->data(), name->size()});
  if (!entry)
    return below(entry.error(), "/type" + place);
  auto out = (*entry)->decode(body, context);
  if (!out)
    return below(out.error(), "/body" + place);
  return out;
}

result<value> encode_element(const caf::message& x, size_t index, const codec_context* context,
                             value& name) {
  auto id = x.type_at(index);
  auto entry = types().find(id);
  if (!entry) {
    // Outside the registry, such as CAF's own down_msg: what CAF prints for people.
    auto known = caf::query_type_name(id);
    name = boost::json::string_view{known.data(), known.size()};
    std::string text;
    if (auto meta = caf::detail::global_meta_object(id))
      meta->stringify(text, x.data().at(index));
    return value(boost::json::string_view{text});
  }
  name = entry->name;
  auto body = entry->encode(x, index, context);
  if (!body)
    return below(body.error(), x.size() == 1 ? "/body" : "/body/" + std::to_string(index));
  return body;
}

} // namespace

result<caf::message> message_from_json(caf::type_id_t type, const value& body,
                                       const codec_context* context) {
  auto entry = types().find(type);
  if (!entry)
    return error{
      errc::unknown_type, "there is no message type with the id " + std::to_string(type), {}, {}};
  return entry->decode(body, context);
}

result<caf::message> message_from_json(const value& envelope, const codec_context* context) {
  static constexpr std::string_view expected = R"(expected {"type": "NAME", "body": {...}})";
  auto members = envelope.if_object();
  if (!members)
    return error{
      errc::wrong_type, std::string{expected} + ", found " + describe_value(envelope), {}, {}};
  for (auto& member : *members) {
    if (member.key() != "type" && member.key() != "body") {
      std::string at;
      append_pointer(at, {member.key().data(), member.key().size()});
      return error{errc::unknown_field,
                   "unknown field '" + std::string{member.key()} + "'; " + std::string{expected},
                   at,
                   {}};
    }
  }
  auto type = members->if_contains("type");
  auto body = members->if_contains("body");
  if (!type || !body)
    return error{errc::missing_field, std::string{expected}, type ? "/body" : "/type", {}};
  if (type->is_null() && body->is_null())
    return caf::message{};
  auto names = type->if_array();
  if (!names)
    return one_element(*type, *body, context, "");
  auto bodies = body->if_array();
  if (!bodies || bodies->size() != names->size())
    return error{errc::wrong_type,
                 "expected an array of " + std::to_string(names->size())
                   + " bodies, one for each type",
                 "/body",
                 {}};
  caf::message_builder out;
  for (size_t i = 0; i < names->size(); ++i) {
    auto element = one_element((*names)[i], (*bodies)[i], context, "/" + std::to_string(i));
    if (!element)
      return element;
    out.append_from(*element, 0);
  }
  return out.move_to_message();
}

result<value> message_to_json(const caf::message& x, const codec_context* context) {
  value type;
  value body;
  if (x.size() == 1) {
    auto encoded = encode_element(x, 0, context, type);
    if (!encoded)
      return encoded;
    body = std::move(*encoded);
  } else if (x.size() > 1) {
    auto& names = type.emplace_array();
    auto& bodies = body.emplace_array();
    for (size_t i = 0; i < x.size(); ++i) {
      auto encoded = encode_element(x, i, context, names.emplace_back(nullptr));
      if (!encoded)
        return encoded;
      bodies.push_back(std::move(*encoded));
    }
  }
  object out;
  out.reserve(2);
  out.emplace("type", std::move(type));
  out.emplace("body", std::move(body));
  return value(std::move(out));
}

} // namespace coppice::json
