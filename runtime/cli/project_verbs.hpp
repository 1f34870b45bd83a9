#pragma once

#include "runtime/cli/verb.hpp"

namespace coppice::cli {

/// What works on the sources of a program: new test check build.
std::vector<verb> project_verbs();

} // namespace coppice::cli
