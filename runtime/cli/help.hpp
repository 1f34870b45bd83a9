#pragma once

#include "runtime/cli/cli.hpp"
#include "runtime/cli/text.hpp"
#include "runtime/cli/verb.hpp"

namespace coppice::cli {

/// The verbs' names by group: at most 24 lines of 80 columns. Pure, as everything here.
std::string help_overview(const cli_environment& env, const style& how);

/// All verbs, one a line, and what every verb takes.
std::string help_page(const cli_environment& env, const style& how);

/// One verb: usage, arguments, flags with their environment variables, examples.
std::string help_of(const verb& what, const std::string& program, const style& how);

/// A completion script. `shell` is bash, zsh or fish.
std::string completion_script(const std::string& shell, const cli_environment& env);

} // namespace coppice::cli
