#pragma once

#include "runtime/node/config/keys.hpp"
#include "runtime/node/config/load.hpp"

#include <string_view>
#include <vector>

namespace coppice::config {

/// Holds one map against the table: unknown keys, types, ranges, required keys. `pattern` is its
/// path in the table (empty for the top of a node's configuration), `shown` how messages call it.
void check_section(const value& section, std::string_view pattern, const std::string& shown,
                   std::vector<mistake>& mistakes);

/// One value against its row.
void check_value(const value& x, const key_info& key, const std::string& shown,
                 std::vector<mistake>& mistakes);

/// Everything that no single row can say: pairs of keys, duplicates, the tree, several nodes.
/// Expects values that the table has accepted; skips what is not there.
void check_rules(const std::vector<const value*>& nodes, const load_options& options,
                 std::vector<mistake>& mistakes);

/// The part of it about `/user` of one node.
void check_tree(const value& user, const std::vector<std::string>& node_names,
                const type_checker& check_type, std::vector<mistake>& mistakes);

/// Could one message match both subjects?
bool subjects_overlap(std::string_view a, std::string_view b);

} // namespace coppice::config
