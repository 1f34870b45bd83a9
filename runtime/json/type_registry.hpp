#pragma once

#include "runtime/json/codec.hpp"
#include "runtime/json/schema.hpp"
#include "runtime/json/schema_table.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <caf/type_id.hpp>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace coppice::json {

/// A message type of this process.
struct type_entry {
  caf::type_id_t type_id = caf::invalid_type_id;
  std::string name;
  const type_node* node = nullptr;
  /// The typed codec: reads a body, writes one element of a message.
  result<caf::message> (*decode)(const value& body, const codec_context* context) = nullptr;
  result<value> (*encode)(const caf::message& x, size_t index,
                          const codec_context* context) = nullptr;

  /// JSON Schema of the body, with the wire name as title.
  value schema() const;

  /// A body as from_json accepts it, unless the type's own setters or invariants want more than its schema says.
  value example() const;

  /// Names and types of the fields as in the schema table.
  std::vector<field_signature> fields() const;

  /// Does it cross the wire between nodes? Not CAF's own types and not those of tests.
  bool is_wire() const;
};

/// Threading: add_block before the first actor_system starts, from one thread; everything else is const and needs no lock.
class type_registry {
public:
  /// Knows CAF's booleans, numbers, strings and actor handles.
  type_registry();
  ~type_registry();
  type_registry(const type_registry&) = delete;
  type_registry& operator=(const type_registry&) = delete;

  /// Takes every type of a type id block (messages.hpp) and registers the block at CAF. Adding it again changes nothing.
  /// Instantiates the codec of every type, so it is called in one .cpp per block. A wire name or id that is taken by
  /// another type is a bug in the program.
  template <class IdBlock>
  void add_block();

  /// Takes the types of a block that cross the wire but are the runtime's own: they count in table() and fingerprint(), and
  /// nobody finds them by name, so nobody sends them from outside. Registers the block at CAF. Adding it again changes
  /// nothing.
  template <class IdBlock>
  void add_internal_block();

  /// One of them whose place on the wire `inspect` does not tell.
  void add_internal(type_signature x);

  /// nullptr when there is no such type.
  const type_entry* find(std::string_view name) const;
  const type_entry* find(caf::type_id_t type_id) const;

  /// Errors: errc::unknown_type with the nearest known name as hint.
  result<const type_entry*> require(std::string_view name) const;

  /// In order of type ids, without CAF's own types.
  std::vector<const type_entry*> all() const;

  /// What nodes exchange: the wire types, internal ones included, in order of type ids.
  schema_table table() const;
  bool is_internal(uint16_t type_id) const { return internal_.contains(type_id); }
  std::string fingerprint() const;

private:
  template <class T>
  void add_type(caf::type_id_t id, caf::string_view name);
  template <uint16_t... Is>
  void add_types(std::integer_sequence<uint16_t, Is...>);
  template <uint16_t... Is>
  void add_internals(std::integer_sequence<uint16_t, Is...>);
  void insert(type_entry entry, type_node& node);

  std::vector<std::unique_ptr<type_entry>> by_id_;
  std::map<std::string, const type_entry*, std::less<>> by_name_;
  std::map<uint16_t, type_signature> internal_;
};

/// The message types of this process.
type_registry& types();

/// Writes `json/NAME.json` for every wire type that can be sent from outside and `type_ids.txt` (id and name, a line each,
/// with `internal` behind the runtime's own) into the folder, and removes `json/*.json` of types that are gone.
/// Errors: errc::refused, with what cannot be written and why.
result<void> write_schemas(const std::filesystem::path& folder,
                           const type_registry& registry = types());

/// How the files in the folder differ from what write_schemas would write: one sentence a difference, empty when they do
/// not. For the test that keeps the committed files in step with the types.
std::vector<std::string> compare_schemas(const std::filesystem::path& folder,
                                         const type_registry& registry = types());

// -- implementation ---------------------------------------------------------------------------------------------------

template <class T>
void type_registry::add_type(caf::type_id_t id, caf::string_view name) {
  type_entry entry;
  entry.type_id = id;
  entry.name.assign(name.begin(), name.end());
  entry.decode = [](const value& body, const codec_context* context) -> result<caf::message> {
    detail::reader f{context};
    T x{};
    if (!f.read(body, x))
      return f.take_failure();
    return caf::make_message(std::move(x));
  };
  entry.encode = [](const caf::message& x, size_t index,
                    const codec_context* context) -> result<value> {
    detail::writer f{context};
    auto out = f.write(x.get_as<T>(index));
    if (f.failure().code != errc::none)
      return f.failure();
    return out;
  };
  // The wire name is given here and not by describe(), where it would depend on what each file includes.
  auto& node = const_cast<type_node&>(describe<T>());
  entry.node = &node;
  insert(std::move(entry), node);
}

template <uint16_t... Is>
void type_registry::add_types(std::integer_sequence<uint16_t, Is...>) {
  (add_type<caf::type_by_id_t<Is>>(Is, caf::type_name_by_id_v<Is>), ...);
}

template <class IdBlock>
void type_registry::add_block() {
  caf::init_global_meta_objects<IdBlock>();
  add_types(caf::detail::make_type_id_sequence<IdBlock>{});
}

template <uint16_t... Is>
void type_registry::add_internals(std::integer_sequence<uint16_t, Is...>) {
  auto text = [](caf::string_view x) { return std::string{x.begin(), x.end()}; };
  (add_internal(
     {Is, text(caf::type_name_by_id_v<Is>), signature_of(describe<caf::type_by_id_t<Is>>())}),
   ...);
}

template <class IdBlock>
void type_registry::add_internal_block() {
  caf::init_global_meta_objects<IdBlock>();
  add_internals(caf::detail::make_type_id_sequence<IdBlock>{});
}

} // namespace coppice::json
