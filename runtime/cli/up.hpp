#pragma once

#include "runtime/cli/dev_state.hpp"
#include "runtime/cli/session.hpp"

namespace coppice::cli {

result<int> up(session& in, const arguments& args);
result<int> down(session& in, const arguments& args);

/// Waits while others have it, and says so. Errors: errc::in_use when that takes longer than `limit`, errc::storage.
result<folder_lock> lock_folder(session& in, const std::string& folder, lock_kind kind,
                                duration limit);

/// Hidden: the loop of `up --detach`.
result<int> up_watch(session& in, const arguments& args);

} // namespace coppice::cli
