#pragma once

#include "runtime/base/result.hpp"
#include "runtime/store/event_types.hpp"

#include <string>
#include <vector>

namespace coppice::admin {

/// `{"type","data","metadata","id"}` or an array of these. Pure. Errors: errc::invalid_json, errc::wrong_type,
/// errc::unknown_field, errc::missing_field with a pointer into the text; the store checks sizes and names.
result<std::vector<store::new_event>> read_new_events(const std::string& text);

} // namespace coppice::admin
