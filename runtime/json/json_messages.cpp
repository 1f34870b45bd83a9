#include "runtime/json/json_messages.hpp"

#include "runtime/json/type_registry.hpp"

namespace coppice::json {

void add_messages(type_registry& types) {
  types.add_block<caf::id_block::json_types>();
}

} // namespace coppice::json
