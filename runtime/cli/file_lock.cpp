#include "runtime/cli/file_lock.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace coppice::cli {

namespace {

/// Of the whole file.
struct flock whole(short kind) {
  struct flock out {};
  out.l_type = kind;
  out.l_whence = SEEK_SET;
  return out;
}

} // namespace

bool take_lock(int file, lock_kind kind) {
  auto wanted = whole(kind == lock_kind::shared ? F_RDLCK : F_WRLCK);
  return ::fcntl(file, F_OFD_SETLK, &wanted) == 0;
}

std::optional<lock_kind> lock_of_others(int file) {
  auto alone = whole(F_WRLCK);
  if (::fcntl(file, F_OFD_GETLK, &alone) != 0 || alone.l_type == F_UNLCK)
    return std::nullopt;
  return alone.l_type == F_RDLCK ? lock_kind::shared : lock_kind::exclusive;
}

} // namespace coppice::cli
