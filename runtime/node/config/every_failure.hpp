#pragma once

#include "runtime/base/result.hpp"
#include "runtime/node/config/value.hpp"

#include <functional>
#include <string_view>

namespace coppice::config {

/// Asks a check that stops at its first complaint for all of them: what was complained about is left out, or replaced by
/// something that passes, and the rest is looked at again. `note` gets each complaint with the JSON whose places it
/// speaks of. Ends at a complaint about the whole or one that nothing heals. Bounds: 32 complaints.
void every_failure(value from, const std::function<result<void>(std::string_view json)>& check,
                   const std::function<void(const error& why, const json_text& of)>& note);

} // namespace coppice::config
