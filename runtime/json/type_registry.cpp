#include "runtime/json/type_registry.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/assert.hpp"
#include "runtime/base/type_id_ranges.hpp"
#include "runtime/json/json_messages.hpp"

#include <caf/actor.hpp>
#include <caf/unit.hpp>

#include <algorithm>

namespace coppice::json {

value type_entry::schema() const {
  auto out = schema_of(*node);
  out.as_object()["title"] = name;
  return out;
}

value type_entry::example() const {
  return example_of(schema());
}

std::vector<field_signature> type_entry::fields() const {
  return signature_of(*node);
}

bool type_entry::is_wire() const {
  return type_id >= type_ids::first && (type_id < type_ids::test || type_id >= type_ids::user);
}

type_registry::type_registry() {
  caf::core::init_global_meta_objects();
  auto add = [this]<class... Ts>(std::type_identity<Ts>...) {
    (add_type<Ts>(caf::type_id_v<Ts>, caf::type_name_v<Ts>), ...);
  };
  add(std::type_identity<bool>{}, std::type_identity<int8_t>{}, std::type_identity<uint8_t>{},
      std::type_identity<int16_t>{}, std::type_identity<uint16_t>{}, std::type_identity<int32_t>{},
      std::type_identity<uint32_t>{}, std::type_identity<int64_t>{}, std::type_identity<uint64_t>{},
      std::type_identity<float>{}, std::type_identity<double>{}, std::type_identity<std::string>{},
      std::type_identity<caf::actor>{}, std::type_identity<caf::strong_actor_ptr>{},
      std::type_identity<caf::unit_t>{}, std::type_identity<caf::timespan>{},
      std::type_identity<caf::error>{});
}

type_registry::~type_registry() = default;

void type_registry::insert(type_entry entry, type_node& node) {
  if (auto known = find(entry.type_id)) {
    COPPICE_ASSERT(known->name == entry.name);
    return;
  }
  COPPICE_ASSERT(!by_name_.contains(entry.name));
  if (node.what == type_node::kind::object && entry.type_id >= type_ids::first)
    node.name = entry.name;
  if (by_id_.size() <= entry.type_id)
    by_id_.resize(entry.type_id + 1u);
  auto& slot = by_id_[entry.type_id];
  slot = std::make_unique<type_entry>(std::move(entry));
  by_name_.emplace(slot->name, slot.get());
}

const type_entry* type_registry::find(std::string_view name) const {
  auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

const type_entry* type_registry::find(caf::type_id_t type_id) const {
  return type_id < by_id_.size() ? by_id_[type_id].get() : nullptr;
}

result<const type_entry*> type_registry::require(std::string_view name) const {
  if (auto found = find(name))
    return found;
  std::vector<std::string_view> names;
  for (auto& [known, entry] : by_name_)
    names.push_back(known);
  return error{errc::unknown_type,
               "there is no message type '" + std::string{name} + "'",
               {},
               nearest_name(name, names)};
}

std::vector<const type_entry*> type_registry::all() const {
  std::vector<const type_entry*> out;
  for (auto& entry : by_id_)
    if (entry && entry->type_id >= type_ids::first)
      out.push_back(entry.get());
  return out;
}

void type_registry::add_internal(type_signature x) {
  COPPICE_ASSERT(find(x.id) == nullptr && !by_name_.contains(x.name));
  auto known = internal_.emplace(x.id, x).first;
  COPPICE_ASSERT(known->second == x);
}

schema_table type_registry::table() const {
  schema_table out;
  for (auto entry : all())
    if (entry->is_wire())
      out.types.push_back({entry->type_id, entry->name, entry->fields()});
  for (auto& [id, type] : internal_)
    out.types.push_back(type);
  std::sort(out.types.begin(), out.types.end(), [](auto& x, auto& y) { return x.id < y.id; });
  return out;
}

std::string type_registry::fingerprint() const {
  return json::fingerprint(table());
}

type_registry& types() {
  // Never destroyed: handlers may still encode messages while statics go.
  static auto instance = [] {
    auto out = new type_registry;
    add_messages(*out);
    return out;
  }();
  return *instance;
}

} // namespace coppice::json
