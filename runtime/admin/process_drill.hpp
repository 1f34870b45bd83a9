#pragma once

#include "runtime/base/duration.hpp"

namespace coppice::admin {

/// Stops every thread of this process (SIGSTOP) and lets a helper process wake it after `length`.
void pause_this_process(duration length);

/// SIGKILL: nothing is written, nobody is told.
void kill_this_process();

} // namespace coppice::admin
