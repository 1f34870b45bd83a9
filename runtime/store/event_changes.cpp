#include "runtime/store/event_changes.hpp"

#include "runtime/store/append_core.hpp"
#include "runtime/store/event_append.hpp"

namespace coppice::store::detail {

namespace {

result<void> run(database& db, std::string_view sql, std::initializer_list<int64_t> values) {
  auto change = db.cached(sql);
  if (!change)
    return change.error();
  int parameter = 0;
  for (auto x : values)
    (*change)->bind(++parameter, x);
  return (*change)->run();
}

/// Positions of events that go are never given again.
result<void> keep_last_position(database& db) {
  auto head = find_head(db);
  if (!head)
    return head.error();
  return run(db, "UPDATE last_position SET position = ?", {static_cast<int64_t>(*head)});
}

result<stream_row> existing(database& db, std::string_view stream) {
  auto row = find_stream(db, stream);
  if (row && !row->state.exists)
    return no_stream_named(stream);
  return row;
}

} // namespace

result<void> truncate(database& db, std::string_view stream, uint64_t before) {
  auto row = existing(db, stream);
  if (!row)
    return row.error();
  if (auto ok = check_truncation(stream, row->state.version, before); !ok)
    return ok;
  if (auto ok = keep_last_position(db); !ok)
    return ok;
  auto bound = static_cast<int64_t>(before);
  if (auto ok = run(db, "DELETE FROM events WHERE stream_id = ? AND version < ?", {row->id, bound});
      !ok)
    return ok;
  return run(db, "UPDATE streams SET first_version = max(first_version, ?) WHERE stream_id = ?",
             {bound, row->id});
}

result<void> remove_stream(database& db, std::string_view stream,
                           const expected_version& expected) {
  auto row = existing(db, stream);
  if (!row)
    return row.error();
  if (!fits(expected, row->state))
    return version_conflict(stream, expected, row->state);
  if (auto ok = keep_last_position(db); !ok)
    return ok;
  for (auto sql :
       {"DELETE FROM events WHERE stream_id = ?", "DELETE FROM snapshots WHERE stream_id = ?",
        "UPDATE streams SET removed = 1 WHERE stream_id = ?"})
    if (auto ok = run(db, sql, {row->id}); !ok)
      return ok;
  return {};
}

result<void> save_snapshot(database& db, const snapshot& state) {
  auto row = existing(db, state.stream);
  if (!row)
    return row.error();
  if (auto ok = check_snapshot_version(state, row->state.version); !ok)
    return ok;
  auto insert = db.cached("INSERT INTO snapshots (stream_id, version, type, time_ns, data) "
                          "VALUES (?, ?, ?, ?, ?) ON CONFLICT (stream_id) DO UPDATE SET "
                          "version = excluded.version, type = excluded.type, "
                          "time_ns = excluded.time_ns, data = excluded.data "
                          "WHERE excluded.version >= snapshots.version");
  if (!insert)
    return insert.error();
  (*insert)->bind(1, row->id).bind(2, static_cast<int64_t>(state.version)).bind(3, state.type);
  return (*insert)->bind(4, state.time.ns).bind(5, state.data).run();
}

} // namespace coppice::store::detail
