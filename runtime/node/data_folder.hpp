#pragma once

#include "runtime/base/result.hpp"

#include <memory>
#include <string>

namespace coppice {

/// A node's data folder, held by a lock for as long as this object lives.
class data_folder {
public:
  /// Makes the folder (mode 0700) and locks it.
  /// Errors: errc::in_use with the pid of the process that holds it, errc::storage.
  static result<std::unique_ptr<data_folder>> open(const std::string& path);

  ~data_folder();
  data_folder(const data_folder&) = delete;
  data_folder& operator=(const data_folder&) = delete;

  const std::string& path() const { return path_; }

private:
  data_folder(std::string path, int fd) : path_(std::move(path)), fd_(fd) {}

  std::string path_;
  int fd_;
};

/// Makes an empty file that only its owner may read and write, or takes the others' rights to the one that is there.
/// Errors: errc::storage.
result<void> keep_private(const std::string& path);

} // namespace coppice
