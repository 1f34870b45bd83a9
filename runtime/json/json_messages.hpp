#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/base/error.hpp"
#include "runtime/json/document.hpp"
#include "runtime/json/fwd.hpp"
#include "runtime/json/messages.hpp"

#include <string>

namespace coppice::json {

/// A message whose type this process cannot have as a CAF type: from loaded plugins, NATS and remote peers.
struct json_message {
  std::string type;
  document body;

  bool operator==(const json_message&) const = default;
};

template <class Inspector>
bool inspect(Inspector& f, json_message& x) {
  return f.object(x).fields(f.field("type", x.type), f.field("body", x.body));
}

/// Adds the block `json_types`.
void add_messages(type_registry& types);

} // namespace coppice::json

COPPICE_MESSAGES(json_types, coppice::type_ids::base, //
                 (coppice::json::document, "coppice.json"), (coppice::error, "coppice.error"),
                 (coppice::instant, "coppice.instant"),
                 (coppice::json::json_message, "coppice.json_message"))
