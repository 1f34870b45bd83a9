#pragma once

#include "runtime/json/value.hpp"

#include <boost/json/storage_ptr.hpp>

namespace coppice::json {

/// As parse(), with the value in `memory`: for values that are gone soon, such as those of a
/// message, in a monotonic_resource. The memory must outlive the value.
result<value> parse_in(boost::json::storage_ptr memory, std::string_view text,
                       const parse_limits& limits = {});

} // namespace coppice::json
