#pragma once

#include "runtime/base/duration.hpp"
#include "runtime/json/value.hpp"
#include "runtime/node/timeline.hpp"
#include "runtime/store/dead_letter_store.hpp"
#include "runtime/store/event_types.hpp"
#include "runtime/supervision/branch.hpp"

#include <string>
#include <string_view>

/// How things of the runtime look in answers; the shapes are those of README.md and the command line's contract.
namespace coppice::admin {

/// Null for the epoch itself: "not yet".
json::value instant_json(instant x);

double seconds(duration x);

/// A JSON text as a value; as a string when it is none.
json::value text_json(std::string_view text);

/// Without `children`.
json::object entry_json(const std::string& node, const supervision::tree_entry& x);

/// With all children that the entry has.
json::object tree_json(const std::string& node, const supervision::tree_entry& x);

/// A child's spec with the names of the configuration; type and arguments (secrets masked) included.
json::object spec_json(const supervision::tree_entry& x, const supervision::recipe* what);

/// Replaces values whose names say that they are secret.
void mask_secrets(json::value& x);

json::object history_json(const timeline_entry& x);
json::object restart_json(const supervision::restart_record& x); ///< Symbolizes the stack: slow.
json::object letter_json(const std::string& node, const store::dead_letter& x);
json::object event_json(const std::string& node, store::store_scope scope,
                        const store::recorded_event& x);

} // namespace coppice::admin
