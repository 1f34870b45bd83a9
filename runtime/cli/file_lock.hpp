#pragma once

namespace coppice::cli {

enum class lock_kind { shared, exclusive };

/// Locks the whole file until every descriptor of this opening is closed; false when others have it. An exclusive lock
/// needs a descriptor that may write. Source: fcntl(2), open file description locks.
bool take_lock(int file, lock_kind kind);

/// Has anybody else a lock on it? Only looks: taken for a moment, it would seem held to who wants it.
bool is_locked(int file);

} // namespace coppice::cli
