#pragma once

#include <optional>

namespace coppice::cli {

enum class lock_kind { shared, exclusive };

/// Locks the whole file until every descriptor of this opening is closed; false when others have it. An exclusive lock
/// needs a descriptor that may write. Source: fcntl(2), open file description locks.
bool take_lock(int file, lock_kind kind);

/// Which lock has anybody else on it? Only looks: taken for a moment, it would seem held to who wants it.
std::optional<lock_kind> lock_of_others(int file);

} // namespace coppice::cli
