#pragma once

#include "runtime/cli/verb.hpp"

namespace coppice::cli {

/// config check, explain, show, reload.
std::vector<verb> config_verbs();

} // namespace coppice::cli
