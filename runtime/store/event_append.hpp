#pragma once

#include "runtime/store/event_types.hpp"
#include "runtime/store/sqlite.hpp"

namespace coppice::store::detail {

/// Appends inside an open transaction; on an error the caller rolls back. All ids are set.
result<append_result> append_events(database& db, const append_request& request);

/// Columns of the queries that read_row() understands.
inline constexpr std::string_view event_columns =
  "SELECT s.name, e.version, e.position, e.id, e.type, e.time_ns, e.data, e.metadata "
  "FROM events e JOIN streams s ON s.stream_id = e.stream_id ";

recorded_event read_row(const statement& row);

/// Steps to the end, but not past read_bytes_max.
result<std::vector<recorded_event>> read_rows(statement& query);

} // namespace coppice::store::detail
