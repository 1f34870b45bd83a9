#pragma once

#include "runtime/json/value.hpp"

#include <string>

namespace coppice::cli {

/// JSON as block-style YAML 1.2, with a final line feed. Text that YAML would read as something else is quoted. Pure.
std::string to_yaml(const json::value& x);

} // namespace coppice::cli
