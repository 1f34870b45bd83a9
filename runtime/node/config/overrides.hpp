#pragma once

#include "runtime/node/config/load.hpp"

namespace coppice::config {

/// One value that does not come from the file.
struct override_value {
  std::vector<std::string> segments; ///< Without `nodes.NAME`.
  std::string node;                  ///< Only for this node; empty: for all.
  std::string text;
  origin where;
  bool from_environment = false; ///< Names were upper case and had `_` for `-`.
};

/// The environment's first, then the stronger overrides. Mistakes: names that are none.
std::vector<override_value> collect_overrides(const load_options& options,
                                              std::vector<mistake>& mistakes);

/// Puts one into a node's sections. Mistakes: unknown keys, elements that are not there, unreadable
/// YAML.
void apply_override(value& node, const override_value& x, std::vector<mistake>& mistakes);

/// Is `written`, as it stands in an override, this name?
bool names_match(std::string_view name, std::string_view written, bool from_environment);

} // namespace coppice::config
