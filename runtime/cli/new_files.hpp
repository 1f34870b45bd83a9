#pragma once

#include "runtime/base/result.hpp"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace coppice::cli {

struct new_file {
  std::string path; ///< Relative to where the person stands.
  std::string text;
  bool is_change = false; ///< Of a file that is there.
};

struct new_plan {
  std::vector<new_file> files;
  std::vector<std::string>
    to_do; ///< What could not be entered in `main.cpp` or `node.yaml`, for people.
};

/// Reads a file beside the person; nothing when there is none.
using file_reader = std::function<std::optional<std::string>(const std::string& path)>;

/// What `new app|actor|message NAME` writes. NAME of an app is one name, of actors and messages `SYSTEM.NAME`. In the folder
/// of an app, actors and messages are entered in its `main.cpp` and `node.yaml`. `block` is the number of the new list of
/// messages (user_types). Pure.
/// Errors: errc::usage.
result<new_plan> new_files(const std::string& kind, const std::string& name, uint32_t block,
                           const file_reader& read);

/// The first number that no `user_types<N>` in these texts has.
uint32_t free_block(const std::vector<std::string>& texts);

} // namespace coppice::cli
