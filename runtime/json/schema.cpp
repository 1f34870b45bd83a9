#include "runtime/json/schema.hpp"

#include <algorithm>
#include <limits>
#include <map>

namespace coppice::json {

namespace {

/// Seconds up to days, at most nine decimals: what parse_duration reads.
constexpr const char* duration_pattern = "^[0-9]+(\\.[0-9]{1,9})?(ns|us|ms|s|min|h|d)$";

/// Says nothing about the type: null, zero, empty.
bool is_trivial(const value& x) {
  if (x.is_null() || x == value(false) || x == value(0) || x == value(0.0) || x == value("")
      || x == value("0s") || x == value("1970-01-01T00:00:00Z"))
    return true;
  if (auto elements = x.if_array())
    return std::all_of(elements->begin(), elements->end(), is_trivial);
  return x.is_object();
}

class schema_writer {
public:
  object run(const type_node& root) {
    root_ = &root;
    object out{{"$schema", "https://json-schema.org/draft/2020-12/schema"}};
    if (!root.name.empty())
      out["title"] = root.name;
    for (auto& member : body(root))
      out[member.key()] = member.value();
    if (!definitions_.empty())
      out["$defs"] = std::move(definitions_);
    return out;
  }

private:
  /// Objects are referred to, so that recursion ends and a shape stands once; the rest is written where it is used.
  object of(const type_node& type) {
    if (type.what != type_node::kind::object)
      return body(type);
    if (&type == root_)
      return {{"$ref", "#"}};
    auto [known, is_new] = names_.try_emplace(&type);
    if (is_new) {
      known->second = definition_name(type);
      auto name = known->second;
      definitions_[name] = nullptr; // Takes the place in the order.
      auto definition = body(type);
      if (!type.name.empty())
        definition["title"] = type.name;
      definitions_[name] = std::move(definition);
    }
    return {{"$ref", "#/$defs/" + names_[&type]}};
  }

  std::string definition_name(const type_node& type) {
    auto base = type.name.empty() ? std::string{"object"} : type.name;
    auto name = base;
    for (size_t n = 2; definitions_.contains(name); ++n)
      name = base + "_" + std::to_string(n);
    return name;
  }

  object body(const type_node& type) {
    using kind = type_node::kind;
    switch (type.what) {
      case kind::null:
        return {{"type", "null"}};
      case kind::boolean:
        return {{"type", "boolean"}};
      case kind::integer:
        return integer(type);
      case kind::number:
        return {{"type", "number"}};
      case kind::string:
        return {{"type", "string"}};
      case kind::text:
        return {{"type", "string"}, {"readOnly", true}};
      case kind::secret:
        return {{"type", "string"}, {"writeOnly", true}, {"examples", array{"secret"}}};
      case kind::bytes:
        return {{"type", "string"}, {"contentEncoding", "base64"}, {"examples", array{"AAEC"}}};
      case kind::duration:
        return {{"type", "string"}, {"pattern", duration_pattern}, {"examples", array{"1s"}}};
      case kind::instant:
        return {
          {"type", "string"}, {"format", "date-time"}, {"examples", array{"2026-01-06T10:00:00Z"}}};
      case kind::enumeration:
        return {{"type", "string"}, {"enum", array(type.names.begin(), type.names.end())}};
      case kind::actor:
        return {{"type", "string"},
                {"description", "address of an actor, [NODE:]/user/..."},
                {"examples", array{"/user/example"}}};
      case kind::any:
        return {{"description", "any JSON value"}, {"examples", array{object{}}}};
      case kind::message:
        return message();
      case kind::list:
        return {{"type", "array"}, {"items", of(type.element())}};
      case kind::set:
        return {{"type", "array"}, {"items", of(type.element())}, {"uniqueItems", true}};
      case kind::tuple:
        return tuple(type);
      case kind::map:
        return map(type);
      case kind::optional:
        return {{"anyOf", array{of(type.element()), object{{"type", "null"}}}}};
      case kind::variant:
        return variant(type);
      case kind::object:
        return fields(type);
    }
    return {};
  }

  static object integer(const type_node& type) {
    auto bits = type.is_signed ? type.bits - 1 : type.bits;
    auto high = bits >= 63 ? std::numeric_limits<int64_t>::max() : (int64_t{1} << bits) - 1;
    return {{"type", "integer"}, {"minimum", type.is_signed ? -high - 1 : 0}, {"maximum", high}};
  }

  static object message() {
    return {{"type", "object"},
            {"description", "a message: its type and its body"},
            {"properties", object{{"type", object{}}, {"body", object{}}}},
            {"required", array{"type", "body"}},
            {"additionalProperties", false},
            {"examples", array{object{{"type", nullptr}, {"body", nullptr}}}}};
  }

  object tuple(const type_node& type) {
    array items;
    for (auto part : type.parts)
      items.push_back(of(*part));
    auto size = static_cast<int64_t>(items.size());
    return {{"type", "array"},
            {"prefixItems", std::move(items)},
            {"items", false},
            {"minItems", size},
            {"maxItems", size}};
  }

  object map(const type_node& type) {
    object out{{"type", "object"}, {"additionalProperties", of(*type.parts.back())}};
    auto& key = *type.parts.front();
    if (key.what == type_node::kind::enumeration)
      out["propertyNames"] = object{{"enum", array(key.names.begin(), key.names.end())}};
    else if (key.what == type_node::kind::integer)
      out["propertyNames"] = object{{"pattern", key.is_signed ? "^-?[0-9]+$" : "^[0-9]+$"}};
    return out;
  }

  object variant(const type_node& type) {
    array choices;
    for (auto& x : type.alternatives) {
      object tag{{"const", x.name}};
      if (x.form == variant_form::bare) {
        choices.push_back(of(*x.type));
      } else if (x.form == variant_form::wrapped) {
        choices.push_back(
          object{{"type", "object"},
                 {"properties", object{{"type", std::move(tag)}, {"value", of(*x.type)}}},
                 {"required", array{"type", "value"}},
                 {"additionalProperties", false}});
      } else {
        // additionalProperties does not look through a $ref, so the fields are repeated here.
        auto choice = fields(*x.type);
        object properties{{"type", std::move(tag)}};
        for (auto& member : choice["properties"].as_object())
          properties[member.key()] = member.value();
        choice["properties"] = std::move(properties);
        array required{"type"};
        if (auto others = choice.if_contains("required"))
          for (auto& name : others->as_array())
            required.push_back(name);
        choice["required"] = std::move(required);
        choices.push_back(std::move(choice));
      }
    }
    return {{"oneOf", std::move(choices)}};
  }

  object fields(const type_node& type) {
    object properties;
    array required;
    auto prototype = type.prototype ? type.prototype() : value(nullptr);
    for (auto& field : type.fields) {
      auto schema = of(*field.type);
      if (field.fallback)
        schema["default"] = *field.fallback;
      else if (auto initial =
                 prototype.is_object() ? prototype.get_object().if_contains(field.name) : nullptr;
               initial && !is_trivial(*initial) && field.type->what != type_node::kind::secret)
        schema["examples"] = array{*initial};
      properties[field.name] = std::move(schema);
      if (field.required)
        required.emplace_back(field.name);
    }
    object out{
      {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
    if (!required.empty())
      out["required"] = std::move(required);
    return out;
  }

  const type_node* root_ = nullptr;
  std::map<const type_node*, std::string> names_;
  object definitions_;
};

/// Makes a value for each schema; optional fields of nested objects are left out past a depth, which ends recursion.
class example_writer {
public:
  explicit example_writer(const value& root) : root_(root) {}

  value of(const value& schema, size_t depth) {
    auto members = schema.if_object();
    if (!members)
      return object{};
    if (auto fallback = members->if_contains("default"))
      return *fallback;
    if (auto examples = members->if_contains("examples");
        examples && examples->is_array() && !examples->get_array().empty())
      return examples->get_array().front();
    if (auto constant = members->if_contains("const"))
      return *constant;
    if (auto names = members->if_contains("enum"))
      return names->as_array().front();
    if (auto reference = members->if_contains("$ref"))
      return of(resolve(reference->as_string()), depth + 1);
    if (auto choices = members->if_contains("oneOf"))
      return of(choices->as_array().front(), depth + 1);
    if (auto choices = members->if_contains("anyOf"))
      return depth > depth_max ? value(nullptr) : of(choices->as_array().front(), depth + 1);
    auto type = members->if_contains("type");
    return type && type->is_string() ? of_type(*members, type->get_string(), depth)
                                     : value(object{});
  }

private:
  static constexpr size_t depth_max = 4;

  const value& resolve(std::string_view reference) const {
    static const value nothing;
    auto found = at_pointer(root_, reference.substr(1));
    return found ? **found : nothing;
  }

  value of_type(const object& schema, std::string_view type, size_t depth) {
    if (type == "object")
      return of_object(schema, depth);
    if (type == "array")
      return of_array(schema, depth);
    if (type == "string")
      return value("text");
    if (type == "integer")
      return value(
        std::max<int64_t>(1, schema.contains("minimum") ? schema.at("minimum").as_int64() : 1));
    if (type == "number")
      return value(1.5);
    if (type == "boolean")
      return value(true);
    return nullptr;
  }

  value of_object(const object& schema, size_t depth) {
    object out;
    if (auto properties = schema.if_contains("properties")) {
      for (auto& property : properties->as_object())
        if (depth <= depth_max || is_required(schema, property.key()))
          out.emplace(property.key(), of(property.value(), depth + 1));
      return out;
    }
    auto more = schema.if_contains("additionalProperties");
    if (!more || !more->is_object() || depth > depth_max)
      return out;
    auto names = schema.if_contains("propertyNames");
    auto key = !names                                ? value("key")
               : names->as_object().contains("enum") ? names->at("enum").as_array().front()
                                                     : value("1");
    out.emplace(key.as_string(), of(*more, depth + 1));
    return out;
  }

  static bool is_required(const object& schema, std::string_view name) {
    auto names = schema.if_contains("required");
    if (!names)
      return false;
    for (auto& x : names->as_array())
      if (x.as_string() == boost::json::string_view{name})
        return true;
    return false;
  }

  value of_array(const object& schema, size_t depth) {
    array out;
    if (auto parts = schema.if_contains("prefixItems")) {
      for (auto& part : parts->as_array())
        out.push_back(of(part, depth + 1));
    } else if (auto items = schema.if_contains("items"); items && depth <= depth_max) {
      out.push_back(of(*items, depth + 1));
    }
    return out;
  }

  const value& root_;
};

} // namespace

value schema_of(const type_node& type) {
  return schema_writer{}.run(type);
}

value example_of(const value& schema) {
  return example_writer{schema}.of(schema, 0);
}

} // namespace coppice::json
