// GET /v1/types, GET /v1/types/{name}, GET /v1/schema.
#include "runtime/admin/fan_out.hpp"
#include "runtime/admin/routes.hpp"
#include "runtime/base/address.hpp"
#include "runtime/json/type_registry.hpp"

#include <algorithm>

namespace coppice::admin {

namespace {

json::object type_row(std::string_view name, std::string_view kind, std::string_view summary) {
  return {{"name", name}, {"kind", kind}, {"summary", summary}};
}

std::string summary_of(const json::value& schema) {
  auto* object = schema.if_object();
  auto* text = object != nullptr ? object->if_contains("description") : nullptr;
  return text != nullptr && text->is_string() ? std::string{text->as_string()} : std::string{};
}

void get_types(const api_ptr& a, call c) {
  auto kind = query_word(c.in, "kind", {"message", "actor"});
  if (!kind) {
    c.fail(kind.error());
    return;
  }
  json::array out;
  if (*kind != "actor")
    for (auto* type : json::types().all())
      out.push_back(type_row(type->name, "message", summary_of(type->schema())));
  if (*kind != "message")
    for (auto* type : a->owner.types().all())
      out.push_back(type_row(type->name, "actor", type->summary));
  c.answer(200, json::value(std::move(out)));
}

std::string_view member_text(const json::object& of, std::string_view name) {
  auto* x = of.if_contains(name);
  return x != nullptr && x->is_string() ? std::string_view{x->as_string()} : std::string_view{};
}

/// The words for a property of a JSON Schema: `string`, `duration`, `list<string>`, the name behind a `$ref`.
std::string type_word(const json::value& property) {
  auto* object = property.if_object();
  if (object == nullptr)
    return "any";
  if (member_text(*object, "pattern").ends_with("(ns|us|ms|s|min|h|d)$"))
    return "duration";
  if (auto* items = object->if_contains("items"))
    return "list<" + type_word(*items) + ">";
  if (auto* values = object->if_contains("additionalProperties");
      values != nullptr && values->is_object())
    return "map<string," + type_word(*values) + ">";
  if (auto* title = object->if_contains("title"); title != nullptr && title->is_string())
    return std::string{title->as_string()};
  if (auto* format = object->if_contains("format"); format != nullptr && format->is_string())
    return std::string{format->as_string()};
  if (auto* reference = object->if_contains("$ref");
      reference != nullptr && reference->is_string()) {
    auto text = std::string_view{reference->as_string()};
    text = text.substr(text.rfind('/') + 1);
    // Types without a name of their own are called `object`, `object_2` and so on.
    return std::string{text.starts_with("object_") ? "object" : text};
  }
  if (auto* type = object->if_contains("type"); type != nullptr && type->is_string())
    return std::string{type->as_string()};
  return object->contains("enum") ? "word" : "any";
}

json::array fields_of(const json::value& schema,
                      const std::vector<json::field_signature>& signatures) {
  json::array out;
  auto* object = schema.if_object();
  auto* properties = object != nullptr ? object->if_contains("properties") : nullptr;
  if (properties == nullptr || !properties->is_object())
    return out;
  auto* required = object->if_contains("required");
  for (auto& property : properties->as_object()) {
    auto name = std::string{property.key()};
    auto signature =
      std::find_if(signatures.begin(), signatures.end(), [&](auto& x) { return x.name == name; });
    auto needed =
      required != nullptr && required->is_array()
      && std::find(required->as_array().begin(), required->as_array().end(), json::value(name))
           != required->as_array().end();
    auto* fallback =
      property.value().is_object() ? property.value().as_object().if_contains("default") : nullptr;
    out.push_back(json::object{
      {"name", name},
      {"type", signature != signatures.end() ? signature->type : type_word(property.value())},
      {"required", needed},
      {"default", fallback != nullptr ? *fallback : json::value(nullptr)},
      {"description", summary_of(property.value())}});
  }
  return out;
}

json::object type_json(std::string_view name, std::string_view kind, std::string summary,
                       const json::value& schema, const json::value& example,
                       const std::vector<json::field_signature>& signatures) {
  auto out = type_row(name, kind, summary);
  out["fields"] = fields_of(schema, signatures);
  out["schema"] = schema;
  out["example"] = example;
  out["accepts"] = json::array{};
  out["accepted_by"] = json::array{};
  return out;
}

std::optional<json::object> message_type(const catalog& actors, const std::string& name) {
  auto* entry = json::types().find(name);
  if (entry == nullptr)
    return std::nullopt;
  auto schema = entry->schema();
  auto out =
    type_json(name, "message", summary_of(schema), schema, entry->example(), entry->fields());
  auto& takers = out["accepted_by"].as_array();
  for (auto* type : actors.all())
    if (std::find(type->accepts.begin(), type->accepts.end(), entry->type_id)
        != type->accepts.end())
      takers.emplace_back(type->name);
  return out;
}

/// Arguments that a schema alone cannot make up: what the type checks beyond it is said by the fields' names.
void make_plausible(json::value& x) {
  if (auto* list = x.if_array())
    for (auto& item : *list)
      make_plausible(item);
  if (auto* object = x.if_object())
    for (auto& member : *object) {
      if (member.value() == json::value("text"))
        member.value() = member.key() == "url"       ? "http://localhost:8080/"
                         : member.key() == "pointer" ? "/value"
                                                     : "text";
      else
        make_plausible(member.value());
    }
}

std::optional<json::object> actor_type_json(const catalog& actors, const std::string& name) {
  auto* type = actors.find(name);
  if (type == nullptr)
    return std::nullopt;
  auto schema = type->schema();
  auto example = json::example_of(schema);
  make_plausible(example);
  auto out = type_json(name, "actor", type->summary, schema, example, {});
  auto& accepts = out["accepts"].as_array();
  for (auto id : type->accepts) {
    auto text = caf::query_type_name(id);
    accepts.emplace_back(std::string{text.data(), text.size()});
  }
  out["accepts_anything"] = type->accepts_anything;
  return out;
}

void get_type(const api_ptr& a, call c) {
  auto name = std::string{c.in.param("name")};
  auto& actors = a->owner.types();
  auto out = message_type(actors, name);
  if (!out)
    out = actor_type_json(actors, name);
  if (out) {
    c.answer(200, json::value(std::move(*out)));
    return;
  }
  std::vector<std::string> names;
  for (auto* type : json::types().all())
    names.push_back(type->name);
  for (auto* type : actors.all())
    names.push_back(type->name);
  c.fail({errc::not_found, "there is no message or actor type '" + name.substr(0, 100) + "'",
          name.substr(0, 100), nearest_name(name.substr(0, 100), names)});
}

void get_schema(const api_ptr& a, call c) {
  auto where = where_to(*a, c);
  if (!where)
    c.fail(where.error());
  else if (where->what == destination::kind::node)
    relay(a, where->node, std::move(c), peer_read_deadline);
  else
    c.answer(200, json::to_json(json::types().table()));
}

} // namespace

void add_type_routes(table& to) {
  auto& types =
    to.add("GET", "/v1/types", http::role::viewer, "Message and actor types", get_types);
  types.query = parameters({"kind"});
  types.response_schema = "type_list";
  auto& type = to.add("GET", "/v1/types/{name}", http::role::viewer,
                      "One type: fields, JSON Schema, an example", get_type);
  type.response_schema = "type";
  auto& schema = to.add("GET", "/v1/schema", http::role::viewer,
                        "The wire types that nodes compare when they join", get_schema);
  schema.query = parameters({"node"});
  schema.response_schema = "schema_table";
}

} // namespace coppice::admin
