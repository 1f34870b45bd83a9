#pragma once

#include "runtime/base/result.hpp"

#include <string>
#include <vector>

namespace coppice::cli {

struct new_file {
  std::string path; ///< Relative to where the person stands.
  std::string text;
};

/// What `new app|actor|message NAME` writes. NAME of an app is one name, of actors and messages `SYSTEM.NAME`. Pure.
/// Errors: errc::usage.
result<std::vector<new_file>> new_files(const std::string& kind, const std::string& name);

} // namespace coppice::cli
