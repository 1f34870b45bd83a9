#pragma once

#include "runtime/supervision/core/child_spec.hpp"

namespace coppice::supervision {

/// Errors: errc::invalid_config.
result<void> check_flags(const supervisor_flags& flags);

/// Checks one child that will be known as `id`. Errors: errc::invalid_config, at = id.
result<void> check_spec(const supervisor_flags& flags, const child_spec& spec,
                        const std::string& id);

} // namespace coppice::supervision
