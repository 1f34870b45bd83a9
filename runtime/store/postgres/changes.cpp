#include "runtime/store/postgres/changes.hpp"

#include "runtime/store/append_core.hpp"

#include <pqxx/pqxx>

namespace coppice::postgres {

namespace {

struct locked_stream {
  int64_t id = 0;
  store::stream_state state;
};

result<locked_stream> lock_stream(pqxx::work& change, std::string_view stream) {
  change.exec("SELECT position FROM event_head FOR UPDATE");
  auto rows = change.exec("SELECT stream_id, version FROM streams WHERE name = $1 AND NOT removed",
                          pqxx::params{stream});
  if (rows.empty())
    return store::no_stream_named(stream);
  return locked_stream{rows[0][0].as<int64_t>(), {true, rows[0][1].as<uint64_t>()}};
}

} // namespace

result<void> truncate(pqxx::connection& connection, std::string_view stream, uint64_t before) {
  pqxx::work change{connection};
  auto row = lock_stream(change, stream);
  if (!row)
    return row.error();
  if (auto ok = store::check_truncation(stream, row->state.version, before); !ok)
    return ok;
  pqxx::params values{row->id, before};
  change.exec("DELETE FROM events WHERE stream_id = $1 AND version < $2", values);
  change.exec("UPDATE streams SET first_version = greatest(first_version, $2) WHERE stream_id = $1",
              values);
  change.commit();
  return {};
}

result<void> remove_stream(pqxx::connection& connection, std::string_view stream,
                           const store::expected_version& expected) {
  pqxx::work change{connection};
  auto row = lock_stream(change, stream);
  if (!row)
    return row.error();
  if (!store::fits(expected, row->state))
    return store::version_conflict(stream, expected, row->state);
  for (auto sql :
       {"DELETE FROM events WHERE stream_id = $1", "DELETE FROM snapshots WHERE stream_id = $1",
        "UPDATE streams SET removed = true WHERE stream_id = $1"})
    change.exec(sql, pqxx::params{row->id});
  change.commit();
  return {};
}

result<void> save_snapshot(pqxx::connection& connection, const store::snapshot& state) {
  pqxx::work change{connection};
  auto row = lock_stream(change, state.stream);
  if (!row)
    return row.error();
  if (auto ok = store::check_snapshot_version(state, row->state.version); !ok)
    return ok;
  change.exec("INSERT INTO snapshots (stream_id, version, type, time_ns, data) "
              "VALUES ($1, $2, $3, $4, $5::text::json) ON CONFLICT (stream_id) DO UPDATE SET "
              "version = excluded.version, type = excluded.type, time_ns = excluded.time_ns, "
              "data = excluded.data WHERE excluded.version >= snapshots.version",
              pqxx::params{row->id, state.version, state.type, state.time.ns, state.data});
  change.commit();
  return {};
}

} // namespace coppice::postgres
