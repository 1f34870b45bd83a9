#include "runtime/node/node_messages.hpp"

#include "runtime/json/type_registry.hpp"
#include "runtime/supervision/supervision_messages.hpp"

#include <caf/io/middleman.hpp>

#include <mutex>

namespace coppice {

void init_runtime_types() {
  static std::once_flag once;
  std::call_once(once, [] {
    init_supervision_types();
    caf::io::middleman::init_global_meta_objects();
    json::add_messages(json::types());
    json::types().add_internal_block<caf::id_block::node_gate>();
    // Inside errors, as a number of one byte; what the numbers mean is append-only (a test compares).
    json::types().add_internal({caf::type_id_v<errc>, "coppice.errc", {{"", "uint8"}}});
    json::types().add_block<caf::id_block::node_types>();
  });
}

} // namespace coppice
