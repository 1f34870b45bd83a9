#pragma once

#include "runtime/json/value.hpp"
#include "runtime/node/config/node_config.hpp"
#include "runtime/supervision/catalog.hpp"

#include <string>

namespace coppice::admin {

/// A child out of JSON: what the configuration has for one, without `id`. `parent` are the flags of the supervisor that
/// is to have it. Checked exactly as a configuration is, since the text goes through its reader.
/// Errors: errc::unknown_type, those of the arguments, errc::invalid_config, each with a JSON pointer into the body.
result<config::tree_child> child_from_json(const std::string& id, const json::value& body,
                                           const catalog& types,
                                           const supervision::supervisor_flags& parent);

} // namespace coppice::admin
