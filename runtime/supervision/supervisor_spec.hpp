#pragma once

#include "runtime/supervision/control.hpp"

#include <memory>
#include <string>
#include <vector>

namespace coppice::supervision {

/// A supervisor and what it starts with, as configuration or `tree{}` declare it.
struct supervisor_spec {
  supervisor_flags flags;
  std::vector<child_start> children; ///< Under simple_one_for_one just the template.
};

} // namespace coppice::supervision
