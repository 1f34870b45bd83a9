#pragma once

#include "runtime/base/result.hpp"
#include "runtime/cli/fwd.hpp"

namespace coppice::cli {

/// The verb `wait`: asks ten times a second. A node that does not answer yet is waited for, too.
result<int> wait_for(session& in, const arguments& args);

} // namespace coppice::cli
