#pragma once

#include "runtime/cli/session.hpp"

namespace coppice::cli {

/// The verb `top`: a full screen on a terminal, one frame as text with --once.
result<int> top(session& in, const arguments& args);

} // namespace coppice::cli
