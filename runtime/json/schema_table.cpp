#include "runtime/json/schema_table.hpp"

#include "runtime/json/enum_names.hpp"

#include <algorithm>
#include <cstdio>
#include <map>

namespace coppice::json {

namespace {

/// An optional is its own presence; otherwise CAF writes one for a field that may be left out.
bool has_presence(const field_node& x) {
  return !x.required && x.type->what != type_node::kind::optional;
}

class signature_writer {
public:
  std::string of(const type_node& type) {
    using kind = type_node::kind;
    switch (type.what) {
      case kind::null:
        return "null";
      case kind::boolean:
        return "bool";
      case kind::integer:
        return (type.is_signed ? "int" : "uint") + std::to_string(type.bits);
      case kind::number:
        return "float" + std::to_string(type.bits);
      case kind::string:
        return "string";
      case kind::text:
        return "text";
      case kind::bytes:
        return "bytes";
      case kind::duration:
        return type.unit == "1ns" && type.bits == 64
                 ? "duration"
                 : "duration<" + type.unit + "," + std::to_string(type.bits) + ">";
      case kind::instant:
        return "instant";
      case kind::enumeration:
        return enumeration(type);
      case kind::actor:
        return "actor";
      case kind::secret:
        return "secret";
      case kind::any:
        return "json";
      case kind::message:
        return "message";
      case kind::list:
        return "list<" + of(type.element()) + ">";
      case kind::set:
        return "set<" + of(type.element()) + ">";
      case kind::tuple:
        return "tuple<" + all(type.parts) + ">";
      case kind::map:
        return "map<" + all(type.parts) + ">";
      case kind::optional:
        return "optional<" + of(type.element()) + ">";
      case kind::variant:
        return variant(type);
      case kind::object:
        return object(type);
    }
    return "unknown";
  }

  std::vector<field_signature> fields_of(const type_node& type) {
    open_.push_back(&type);
    std::vector<field_signature> out;
    for (auto& field : type.fields)
      out.push_back({field.name, of(*field.type) + (has_presence(field) ? "?" : "")});
    open_.pop_back();
    return out;
  }

private:
  std::string all(const std::vector<const type_node*>& types) {
    std::string out;
    for (auto type : types)
      out.append(out.empty() ? "" : ",").append(of(*type));
    return out;
  }

  static std::string enumeration(const type_node& type) {
    auto out = "enum" + std::to_string(type.bits) + "<";
    for (auto& name : type.names)
      out.append(&name == &type.names.front() ? "" : "|").append(name);
    return out + ">";
  }

  std::string variant(const type_node& type) {
    std::string out;
    for (auto& x : type.alternatives)
      out.append(out.empty() ? "" : "|").append(of(*x.type));
    return "variant<" + out + ">";
  }

  std::string object(const type_node& type) {
    if (!type.name.empty())
      return type.name;
    // A nameless type inside itself: how many levels up it began.
    if (auto at = std::find(open_.begin(), open_.end(), &type); at != open_.end())
      return "^" + std::to_string(open_.end() - at);
    std::string out;
    for (auto& field : fields_of(type))
      out.append(out.empty() ? "" : ",").append(field.name).append(":").append(field.type);
    return "{" + out + "}";
  }

  std::vector<const type_node*> open_;
};

std::string in_quotes(std::string_view text) {
  return "'" + std::string{text} + "'";
}

/// What differs between two types of the same name, as one sentence.
std::string difference(const type_signature& a, const type_signature& b) {
  auto about = "type " + in_quotes(a.name) + ": ";
  if (a.id != b.id)
    return about + "id " + std::to_string(a.id) + " is ours, " + std::to_string(b.id)
           + " is theirs";
  auto find = [](const type_signature& in, const std::string& name) {
    return std::find_if(in.fields.begin(), in.fields.end(),
                        [&](auto& x) { return x.name == name; });
  };
  for (auto& field : a.fields) {
    auto other = find(b, field.name);
    if (other == b.fields.end())
      return about + "field " + in_quotes(field.name) + " is only ours";
    if (other->type != field.type)
      return about + "field " + in_quotes(field.name) + " is " + field.type + " with us, "
             + other->type + " with them";
  }
  for (auto& field : b.fields)
    if (find(a, field.name) == a.fields.end())
      return about + "field " + in_quotes(field.name) + " is only theirs";
  return about + "the fields stand in another order";
}

} // namespace

std::vector<field_signature> signature_of(const type_node& type) {
  signature_writer out;
  if (type.what == type_node::kind::object)
    return out.fields_of(type);
  return {{"", out.of(type)}};
}

std::string_view to_string(compatibility x) {
  return enum_name(x);
}

comparison compare(const schema_table& a, const schema_table& b) {
  std::map<std::string_view, const type_signature*> theirs;
  std::map<uint16_t, const type_signature*> theirs_by_id;
  for (auto& type : b.types) {
    theirs.emplace(type.name, &type);
    theirs_by_id.emplace(type.id, &type);
  }
  std::vector<std::string> breaking;
  std::vector<std::string> additions;
  for (auto& ours : a.types) {
    if (auto same_name = theirs.find(ours.name); same_name != theirs.end()) {
      if (ours != *same_name->second)
        breaking.push_back(difference(ours, *same_name->second));
      theirs.erase(same_name);
    } else {
      additions.push_back("type " + in_quotes(ours.name) + " is only ours");
    }
    if (auto same_id = theirs_by_id.find(ours.id);
        same_id != theirs_by_id.end() && same_id->second->name != ours.name)
      breaking.push_back("id " + std::to_string(ours.id) + " is " + in_quotes(ours.name)
                         + " with us, " + in_quotes(same_id->second->name) + " with them");
  }
  for (auto& [name, type] : theirs)
    additions.push_back("type " + in_quotes(name) + " is only theirs");
  comparison out;
  out.verdict = !breaking.empty()    ? compatibility::breaking
                : !additions.empty() ? compatibility::compatible
                                     : compatibility::equal;
  out.differences = std::move(breaking);
  out.differences.insert(out.differences.end(), additions.begin(), additions.end());
  return out;
}

std::string fingerprint(const schema_table& table) {
  // FNV-1a, 64 bits (Fowler, Noll, Vo): a checksum between friends, not a defence.
  uint64_t hash = 14695981039346656037u;
  auto add = [&hash](std::string_view text) {
    for (auto c : text)
      hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
    hash = (hash ^ 0xffu) * 1099511628211u; // A byte that no UTF-8 text has ends each part.
  };
  auto types = table.types;
  std::sort(types.begin(), types.end(), [](auto& x, auto& y) { return x.id < y.id; });
  for (auto& type : types) {
    add(std::to_string(type.id));
    add(type.name);
    for (auto& field : type.fields) {
      add(field.name);
      add(field.type);
    }
    add("");
  }
  char text[20];
  std::snprintf(text, sizeof(text), "%016llx", static_cast<unsigned long long>(hash));
  return text;
}

} // namespace coppice::json
