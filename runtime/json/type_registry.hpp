#pragma once

#include "runtime/json/codec.hpp"
#include "runtime/json/schema.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::json {

struct type_node;

/// One field of a wire type: its name and its type in text form, e.g. `interval`, `duration`.
struct field_signature {
  std::string name;
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
  return f.object(x).fields(f.field("id", x.id), f.field("name", x.name), f.field("fields", x.fields));
}

template <class Inspector>
bool inspect(Inspector& f, schema_table& x) {
  return f.object(x).fields(f.field("types", x.types));
}

enum class compatibility : uint8_t {
  equal,      ///< The same types.
  compatible, ///< What both know is equal; one side knows more.
  breaking,   ///< A type that both know differs, or an id has two meanings.
};

std::string_view to_string(compatibility x);

struct comparison {
  compatibility verdict = compatibility::equal;
  std::vector<std::string> differences; ///< One sentence each, breaking ones first.
};

/// May nodes with these tables talk to each other? `a` is called "ours" and `b` "theirs" in the differences.
comparison compare(const schema_table& a, const schema_table& b);

/// Stable over machines and builds: 16 hex digits over ids, names and fields.
std::string fingerprint(const schema_table& table);

/// A message type of this process.
struct type_entry {
  caf::type_id_t type_id = caf::invalid_type_id;
  std::string name;
  const type_node* node = nullptr;
  /// Decode a body, encode one element of a message; what the typed codec does.
  result<caf::message> (*decode)(const value& body, const codec_context* context) = nullptr;
  result<value> (*encode)(const caf::message& x, size_t index, const codec_context* context) = nullptr;

  /// JSON Schema of the body, with `$id` NAME.
  value schema() const;

  /// A body that is accepted, where the type has no field that only a running actor can fill.
  value example() const;

  /// Names and types of the fields as in the schema table; one without a name for a type that is no object.
  std::vector<field_signature> fields() const;

  /// Does it cross the wire between nodes? Not CAF's own types and not those of tests.
  bool is_wire() const;
};

/// Threading: add_block before the first actor_system starts and from one thread; the rest is const and needs no lock.
class type_registry {
public:
  /// Knows CAF's numbers, strings, booleans and actor handles.
  type_registry();

  /// Takes every type of a type id block (messages.hpp) and registers the block at CAF. Adding it again changes nothing.
  template <class IdBlock>
  void add_block();

  /// nullptr when there is no such type.
  const type_entry* find(std::string_view name) const;
  const type_entry* find(caf::type_id_t type_id) const;

  /// errc::unknown_type with the nearest known name as hint.
  result<const type_entry*> require(std::string_view name) const;

  /// In order of type ids, without CAF's own types.
  std::vector<const type_entry*> all() const;

  schema_table table() const;
  std::string fingerprint() const;
};

/// The message types of this process. Blocks are added before the first actor_system starts; after that it is only read.
type_registry& types();

} // namespace coppice::json
