#pragma once

#include "runtime/cli/session.hpp"

namespace coppice::cli {

result<int> up(session& in, const arguments& args);
result<int> down(session& in, const arguments& args);

/// Hidden: the loop of `up --detach`.
result<int> up_watch(session& in, const arguments& args);

} // namespace coppice::cli
