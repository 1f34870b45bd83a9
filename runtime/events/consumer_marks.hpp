#pragma once

#include "runtime/store/sqlite.hpp"

/// Which consumer has had which event; transactions are the caller's.
namespace coppice::events::detail {

/// False when the mark is there already.
result<bool> insert_mark(store::database& db, const std::string& consumer, const std::string& id);
result<bool> has_mark(store::database& db, const std::string& consumer, const std::string& id);
/// Keeps the newest `keep` marks of the file.
result<void> prune_marks(store::database& db, uint64_t keep);

} // namespace coppice::events::detail
