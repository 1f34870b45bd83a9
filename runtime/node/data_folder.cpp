#include "runtime/node/data_folder.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace coppice {

namespace {

std::string holder_of(int fd) {
  char text[32] = {};
  auto n = ::pread(fd, text, sizeof(text) - 1, 0);
  std::string out{text, n > 0 ? static_cast<size_t>(n) : 0};
  while (!out.empty() && out.back() == '\n')
    out.pop_back();
  return out.empty() ? "unknown" : out;
}

} // namespace

result<std::unique_ptr<data_folder>> data_folder::open(const std::string& path) {
  std::error_code failure;
  std::filesystem::create_directories(path, failure);
  if (failure)
    return error{errc::storage, "cannot make the data folder: " + failure.message(), path, {}};
  std::filesystem::permissions(path, std::filesystem::perms::owner_all, failure);
  auto lock = path + "/node.lock";
  auto fd = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0)
    return error{
      errc::storage, std::string{"cannot open the lock file: "} + std::strerror(errno), lock, {}};
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    auto holder = holder_of(fd);
    ::close(fd);
    return error{
      errc::in_use, "the data folder is in use by the process with pid " + holder, path, {}};
  }
  auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(fd, 0) != 0
      || ::pwrite(fd, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    auto reason = std::string{std::strerror(errno)};
    ::close(fd);
    return error{errc::storage, "cannot write to the data folder: " + reason, path, {}};
  }
  return std::unique_ptr<data_folder>{new data_folder{path, fd}};
}

result<void> keep_private(const std::string& path) {
  // Never opened when it exists: closing it would let go of the locks that this process has on it.
  auto fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd >= 0) {
    ::close(fd);
    return {};
  }
  if (errno == EEXIST && ::chmod(path.c_str(), 0600) == 0)
    return {};
  // Somebody else's file that this process may use all the same.
  if (errno == EPERM)
    return {};
  return error{
    errc::storage, std::string{"cannot make the file: "} + std::strerror(errno), path, {}};
}

data_folder::~data_folder() {
  ::close(fd_);
}

} // namespace coppice
