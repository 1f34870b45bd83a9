#pragma once

#include "runtime/json/type_node.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::json {

/// One field of a wire type: its name and its type in text form, e.g. `interval`, `duration`. A field that may be left out
/// has `?` behind its type: it takes one byte more on the wire, as `optional<...>` does.
struct field_signature {
  std::string name; ///< Empty for the only part of a type that is no object.
  std::string type;

  bool operator==(const field_signature&) const = default;
};

/// What nodes must agree on about one type.
struct type_signature {
  uint16_t id = 0;
  std::string name;
  std::vector<field_signature> fields;

  bool operator==(const type_signature&) const = default;
};

/// Every wire type of a node, by id; from_json and to_json work on it.
struct schema_table {
  std::vector<type_signature> types;

  bool operator==(const schema_table&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, field_signature& x) {
  return f.object(x).fields(f.field("name", x.name), f.field("type", x.type));
}

template <class Inspector>
bool inspect(Inspector& f, type_signature& x) {
  return f.object(x).fields(f.field("id", x.id), f.field("name", x.name),
                            f.field("fields", x.fields));
}

template <class Inspector>
bool inspect(Inspector& f, schema_table& x) {
  return f.object(x).fields(f.field("types", x.types));
}

/// The fields of an object, or one without a name for any other type. Types with a wire name are called by it, others are
/// written out.
std::vector<field_signature> signature_of(const type_node& type);

enum class compatibility : uint8_t {
  equal,      ///< The same types.
  compatible, ///< What both know is equal; one side knows more.
  breaking,   ///< A type that both know differs, or an id has two meanings.
};

constexpr auto enum_names(compatibility) {
  return std::to_array<std::string_view>({"equal", "compatible", "breaking"});
}

std::string_view to_string(compatibility x);

struct comparison {
  compatibility verdict = compatibility::equal;
  std::vector<std::string> differences; ///< One sentence each, breaking ones first.

  bool operator==(const comparison&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, comparison& x) {
  return f.object(x).fields(f.field("verdict", x.verdict), f.field("differences", x.differences));
}

/// May nodes with these tables talk to each other? `a` is called "ours" and `b` "theirs" in the differences.
comparison compare(const schema_table& a, const schema_table& b);

/// Stable over machines and builds: 16 hex digits over ids, names and fields.
std::string fingerprint(const schema_table& table);

} // namespace coppice::json
