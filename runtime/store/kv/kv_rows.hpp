#pragma once

#include "runtime/store/kv/kv_core.hpp"
#include "runtime/store/kv/kv_log_core.hpp"
#include "runtime/store/sqlite.hpp"

/// The rows of the key-value store in SQLite. All of it inside a transaction that is open; errors
/// everywhere: errc::storage.
namespace coppice::kv {

/// The tables, as in `schemas/sql/kv/`.
const store::schema& kv_schema();

/// The one row about the whole store.
struct kv_state {
  uint64_t revision = 0;
  log_window log;
};

result<kv_state> read_state(store::database& db);

/// The row of a document, expired or not.
result<stored> find_stored(store::database& db, const document_key& key);

result<std::optional<entry>> find_entry(store::database& db, const document_key& key, instant now);
result<scan_page> scan_rows(store::database& db, const scan_request& request, instant now);

/// The keys of up to expired_max documents that are expired, the oldest expiry first.
result<std::vector<document_key>> find_expired(store::database& db, instant now);

/// Makes planned changes: rows, log, state; then lets go of what the log no longer may hold.
result<void> apply_changes(store::database& db, std::span<const change> changes, kv_state state,
                           const log_limits& limits);

/// Errors: also those of check_after().
result<changes_page> read_log(store::database& db, const changes_request& request);

} // namespace coppice::kv
