#pragma once

#include "runtime/store/append_core.hpp"
#include "runtime/store/event_types.hpp"
#include "runtime/store/sqlite.hpp"

namespace coppice::store::detail {

struct stream_row {
  int64_t id = 0; ///< 0: there never was such a stream.
  stream_state state;
  uint64_t first_version = 1;
};

result<stream_row> find_stream(database& db, std::string_view name);

/// Appends inside an open transaction; on an error the caller rolls back. All ids are set.
result<append_result> append_events(database& db, const append_request& request);

/// The highest position that was ever given.
result<uint64_t> find_head(database& db);

/// Columns of the queries that read_row() understands.
inline constexpr std::string_view event_columns =
  "SELECT s.name, e.version, e.position, e.id, e.type, e.time_ns, e.data, e.metadata "
  "FROM events e JOIN streams s ON s.stream_id = e.stream_id ";

recorded_event read_row(const statement& row);

/// Steps to the end, but not past read_bytes_max.
result<std::vector<recorded_event>> read_rows(statement& query);

} // namespace coppice::store::detail
