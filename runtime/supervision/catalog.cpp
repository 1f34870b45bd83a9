#include "runtime/supervision/catalog.hpp"

#include "runtime/base/address.hpp"
#include "runtime/base/assert.hpp"

#include <algorithm>

namespace coppice {

actor_type& catalog::insert(actor_type type) {
  auto name = type.name;
  auto [position, added] = types_.emplace(std::move(name), std::move(type));
  COPPICE_ASSERT(added && "two actor types with one name");
  return position->second;
}

void catalog::setting(std::string key, setting_check check) {
  auto [position, added] = settings_.emplace(std::move(key), std::move(check));
  COPPICE_ASSERT(added && "two checks of one setting");
}

result<void> catalog::check_setting(std::string_view key, const json::value& x) const {
  auto i = settings_.find(key);
  return i == settings_.end() ? result<void>{} : i->second(x);
}

const actor_type* catalog::find(std::string_view name) const {
  auto i = types_.find(name);
  return i == types_.end() ? nullptr : &i->second;
}

std::vector<const actor_type*> catalog::all() const {
  std::vector<const actor_type*> out;
  for (auto& [name, type] : types_)
    out.push_back(&type);
  return out;
}

result<std::shared_ptr<supervision::recipe>> catalog::make(std::string_view name,
                                                           const json::value& args) const {
  if (auto* type = find(name))
    return type->make(args);
  std::vector<std::string_view> names;
  for (auto& [known, type] : types_)
    names.push_back(known);
  return error{
    errc::unknown_type, "no actor type '" + std::string{name} + "'", {}, nearest_name(name, names)};
}

void catalog::register_messages(json::type_registry& to) const {
  for (auto& [name, type] : types_)
    for (auto* add : type.blocks)
      add(to);
}

result<void> catalog::check_messages(const json::type_registry& known) const {
  for (auto& [name, type] : types_)
    for (auto id : type.accepts)
      if (known.find(id) == nullptr && !known.is_internal(id))
        return error{errc::unknown_type,
                     "the actor type '" + name + "' accepts the message type with the id "
                       + std::to_string(id)
                       + ", which nobody has made known: declare it with COPPICE_MESSAGES, or call "
                         "add_block of its block",
                     {},
                     {}};
  return {};
}

bool catalog::takes(std::string_view name, caf::type_id_t message) const {
  auto* type = find(name);
  if (type == nullptr || type->accepts_anything)
    return true;
  return std::find(type->accepts.begin(), type->accepts.end(), message) != type->accepts.end();
}

} // namespace coppice
