#pragma once

#include "runtime/node/config/load.hpp"

#include <set>

namespace coppice::config {

/// Turns accepted sections into plain values; absent keys take the table's defaults. `keys`, when
/// given, collects every key that was looked for.
node_config read_node(const value& merged, std::set<std::string>* keys = nullptr);

} // namespace coppice::config
