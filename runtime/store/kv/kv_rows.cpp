#include "runtime/store/kv/kv_rows.hpp"

#include "runtime/store/kv/kv_check_core.hpp"

namespace coppice::kv {

namespace {

using store::database;
using store::statement;

int64_t to_sql(uint64_t x) {
  return static_cast<int64_t>(std::min(x, static_cast<uint64_t>(INT64_MAX)));
}

uint64_t unsigned_of(const statement& row, int column) {
  return static_cast<uint64_t>(row.integer(column));
}

std::optional<instant> expiry_of(const statement& row, int column) {
  return row.is_null(column) ? std::nullopt : std::optional{instant{row.integer(column)}};
}

void bind_expiry(statement& row, int parameter, const std::optional<instant>& x) {
  if (x)
    row.bind(parameter, x->ns);
  else
    row.bind_null(parameter);
}

result<void> put_row(database& db, const change& x) {
  auto put = db.cached("INSERT INTO kv_documents (namespace, key, revision, expires_ns, value) "
                       "VALUES (?, ?, ?, ?, ?) ON CONFLICT (namespace, key) DO UPDATE SET "
                       "revision = excluded.revision, expires_ns = excluded.expires_ns, "
                       "value = excluded.value");
  if (!put)
    return put.error();
  auto& row = **put;
  row.bind(1, x.key.space).bind(2, x.key.name).bind(3, to_sql(x.revision)).bind(5, x.value);
  bind_expiry(row, 4, x.expires);
  return row.run();
}

result<void> remove_row(database& db, const document_key& key) {
  auto remove = db.cached("DELETE FROM kv_documents WHERE namespace = ? AND key = ?");
  if (!remove)
    return remove.error();
  return (*remove)->bind(1, key.space).bind(2, key.name).run();
}

result<void> log_row(database& db, const change& x) {
  auto insert = db.cached("INSERT INTO kv_log (revision, kind, bytes, namespace, key, expires_ns, "
                          "value) VALUES (?, ?, ?, ?, ?, ?, ?)");
  if (!insert)
    return insert.error();
  auto& row = **insert;
  row.bind(1, to_sql(x.revision)).bind(2, static_cast<int64_t>(x.what));
  row.bind(3, to_sql(log_bytes(x))).bind(4, x.key.space).bind(5, x.key.name).bind(7, x.value);
  bind_expiry(row, 6, x.expires);
  return row.run();
}

/// Lets the oldest revisions go until the log fits; never the newest one.
result<void> trim_log(database& db, kv_state& state, const log_limits& limits) {
  while (state.log.is_over(limits)) {
    auto oldest = db.cached("SELECT revision, count(*), sum(bytes) FROM kv_log WHERE revision = "
                            "(SELECT min(revision) FROM kv_log) GROUP BY revision");
    if (!oldest)
      return oldest.error();
    auto found = (*oldest)->step();
    if (!found)
      return found.error();
    auto revision = unsigned_of(**oldest, 0);
    if (!*found || revision >= state.revision)
      return {};
    if (state.log.changes < unsigned_of(**oldest, 1) || state.log.bytes < unsigned_of(**oldest, 2))
      return error{errc::storage,
                   "the log of the key-value store has other rows than its state "
                   "says; the file was changed by somebody else",
                   db.path()};
    state.log.drop(revision, unsigned_of(**oldest, 1), unsigned_of(**oldest, 2));
    (*oldest)->reset();
    auto remove = db.cached("DELETE FROM kv_log WHERE revision = ?");
    if (!remove)
      return remove.error();
    if (auto ok = (*remove)->bind(1, to_sql(revision)).run(); !ok)
      return ok;
  }
  return {};
}

result<void> write_state(database& db, const kv_state& x) {
  auto update = db.cached("UPDATE kv_state SET revision = ?, compacted = ?, log_changes = ?, "
                          "log_bytes = ?");
  if (!update)
    return update.error();
  (*update)->bind(1, to_sql(x.revision)).bind(2, to_sql(x.log.compacted));
  (*update)->bind(3, to_sql(x.log.changes)).bind(4, to_sql(x.log.bytes));
  return (*update)->run();
}

} // namespace

result<kv_state> read_state(database& db) {
  auto query = db.cached("SELECT revision, compacted, log_changes, log_bytes FROM kv_state");
  if (!query)
    return query.error();
  auto found = (*query)->step();
  if (!found)
    return found.error();
  if (!*found)
    return error{errc::storage, "the key-value store has lost its state; restore it from a backup",
                 db.path()};
  auto& row = **query;
  return kv_state{unsigned_of(row, 0),
                  {unsigned_of(row, 1), unsigned_of(row, 2), unsigned_of(row, 3)}};
}

result<stored> find_stored(database& db, const document_key& key) {
  auto query =
    db.cached("SELECT revision, expires_ns FROM kv_documents WHERE namespace = ? AND key = ?");
  if (!query)
    return query.error();
  auto found = (*query)->bind(1, key.space).bind(2, key.name).step();
  if (!found)
    return found.error();
  return *found ? stored{unsigned_of(**query, 0), expiry_of(**query, 1)} : stored{};
}

result<std::optional<entry>> find_entry(database& db, const document_key& key, instant now) {
  auto query = db.cached("SELECT revision, expires_ns, value FROM kv_documents "
                         "WHERE namespace = ? AND key = ?");
  if (!query)
    return query.error();
  auto found = (*query)->bind(1, key.space).bind(2, key.name).step();
  if (!found)
    return found.error();
  if (!*found)
    return std::nullopt;
  auto& row = **query;
  stored state{unsigned_of(row, 0), expiry_of(row, 1)};
  if (!is_visible(state, now))
    return std::nullopt;
  return entry{key, row.text(2), state.revision, state.expires};
}

result<scan_page> scan_rows(database& db, const scan_request& request, instant now) {
  auto state = read_state(db);
  if (!state)
    return state.error();
  auto query = db.cached("SELECT key, revision, expires_ns, value FROM kv_documents "
                         "WHERE namespace = ? AND key >= ? AND key < ? "
                         "AND (expires_ns IS NULL OR expires_ns > ?) ORDER BY key");
  if (!query)
    return query.error();
  auto& row = **query;
  row.bind(1, request.space).bind(2, scan_begin(request)).bind(3, prefix_end(request.prefix));
  row.bind(4, now.ns);
  scan_filler page{request};
  while (true) {
    auto found = row.step();
    if (!found)
      return found.error();
    if (!*found
        || !page.offer(
          {{request.space, row.text(0)}, row.text(3), unsigned_of(row, 1), expiry_of(row, 2)}))
      return page.take(state->revision);
  }
}

result<std::vector<document_key>> find_expired(database& db, instant now) {
  auto query = db.cached("SELECT namespace, key FROM kv_documents WHERE expires_ns <= ? "
                         "ORDER BY expires_ns, namespace, key LIMIT ?");
  if (!query)
    return query.error();
  (*query)->bind(1, now.ns).bind(2, static_cast<int64_t>(expired_max));
  std::vector<document_key> out;
  while (true) {
    auto found = (*query)->step();
    if (!found)
      return found.error();
    if (!*found)
      return out;
    out.push_back({(*query)->text(0), (*query)->text(1)});
  }
}

result<void> apply_changes(database& db, std::span<const change> changes, kv_state state,
                           const log_limits& limits) {
  if (changes.empty())
    return {};
  for (const auto& x : changes) {
    auto ok = x.what == change_kind::put ? put_row(db, x) : remove_row(db, x.key);
    if (ok)
      ok = log_row(db, x);
    if (!ok)
      return ok;
  }
  state.revision = changes.back().revision;
  state.log.add(changes);
  if (auto ok = trim_log(db, state, limits); !ok)
    return ok;
  return write_state(db, state);
}

result<changes_page> read_log(database& db, const changes_request& request) {
  auto state = read_state(db);
  if (!state)
    return state.error();
  if (auto ok = check_after(request.after, state->log.compacted, state->revision); !ok)
    return ok.error();
  auto query = db.cached("SELECT revision, kind, namespace, key, value, expires_ns FROM kv_log "
                         "WHERE revision > ?1 AND (?2 = '' OR namespace = ?2) "
                         "AND key >= ?3 AND key < ?4 ORDER BY revision, number");
  if (!query)
    return query.error();
  auto& row = **query;
  row.bind(1, to_sql(request.after)).bind(2, request.space).bind(3, request.prefix);
  row.bind(4, prefix_end(request.prefix));
  changes_filler page{request};
  while (true) {
    auto found = row.step();
    if (!found)
      return found.error();
    if (!*found
        || !page.offer({unsigned_of(row, 0),
                        static_cast<change_kind>(row.integer(1)),
                        {row.text(2), row.text(3)},
                        row.text(4),
                        expiry_of(row, 5)}))
      return page.take(state->revision);
  }
}

} // namespace coppice::kv
