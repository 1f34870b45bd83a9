#pragma once

#include "runtime/node/config/keys.hpp"
#include "runtime/node/config/value.hpp"

#include <functional>

namespace coppice::config {

/// A node's sections with every default written out, in the table's order.
value complete(const value& merged);

/// Replaces what nobody should read by `***`: keys that the table calls secret, passwords in URLs,
/// and arguments whose names say so.
void mask(value& x);

/// May an argument of that name be shown?
bool is_secret_name(std::string_view name);

/// Calls back for each row that has a value. `shown` is the path with indices; of maps that the
/// table does not describe, the whole.
void for_each_leaf(
  const value& complete,
  const std::function<void(const std::string& shown, const key_info&, const value&)>& f);

} // namespace coppice::config
