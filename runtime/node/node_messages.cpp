#include "runtime/node/node_messages.hpp"

#include "runtime/json/type_registry.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <caf/init_global_meta_objects.hpp>
#include <caf/io/middleman.hpp>

#include <mutex>

namespace coppice {

void init_runtime_types() {
  static std::once_flag once;
  std::call_once(once, [] {
    init_supervision_types();
    caf::io::middleman::init_global_meta_objects();
    caf::init_global_meta_objects<caf::id_block::node_gate>();
    json::add_messages(json::types());
    json::types().add_block<caf::id_block::node_types>();
  });
}

} // namespace coppice
