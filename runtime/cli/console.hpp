#pragma once

#include "runtime/cli/session.hpp"

namespace coppice::cli {

/// The prompt: the same verbs, `cd`, `pwd`, `exit`. Reads a terminal with editing, history and completion, or a pipe line by
/// line. Exit status: 0; from a pipe that of the last line that failed.
result<int> console(session& in, const arguments& args);

} // namespace coppice::cli
