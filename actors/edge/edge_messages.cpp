#include "actors/edge/edge_messages.hpp"

#include "runtime/json/type_registry.hpp"

namespace coppice::edge {

void add_messages(json::type_registry& types) {
  types.add_block<caf::id_block::edge>();
}

} // namespace coppice::edge
