#pragma once

#include "runtime/base/result.hpp"
#include "tests/bench/frame/row.hpp"

#include <string_view>

namespace coppice::bench {

/// Runs the command in a process of its own and reads what it measured. Its diagnostics go to stderr.
/// Errors: errc::not_found (there is no such program), errc::timeout, errc::handler_error (it failed, or printed something
/// else; what it said is in the message).
result<reading> measure(const command& what);

/// The last line of what a measuring program printed.
result<reading> parse_reading(std::string_view output);

/// Where programs without a folder are looked for first.
std::string own_folder();

} // namespace coppice::bench
