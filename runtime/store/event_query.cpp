#include "runtime/store/event_query.hpp"

#include "runtime/store/append_core.hpp"
#include "runtime/store/event_append.hpp"
#include "runtime/store/event_tail.hpp"

namespace coppice::store::detail {

namespace {

int64_t to_sql(uint64_t x) {
  return static_cast<int64_t>(std::min(x, static_cast<uint64_t>(INT64_MAX)));
}

stream_info read_info(const statement& row) {
  return {row.text(0), static_cast<uint64_t>(row.integer(1)),
          static_cast<uint64_t>(row.integer(2))};
}

} // namespace

result<std::vector<recorded_event>> read_stream(database& db, std::string_view stream,
                                                uint64_t from, size_t limit, bool backwards) {
  static const auto up = std::string{event_columns}
                         + "WHERE e.stream_id = ? AND e.version >= ? ORDER BY e.version LIMIT ?";
  static const auto down =
    std::string{event_columns}
    + "WHERE e.stream_id = ? AND e.version <= ? ORDER BY e.version DESC LIMIT ?";
  auto row = find_stream(db, stream);
  if (!row)
    return row.error();
  if (!row->state.exists)
    return no_stream_named(stream);
  auto query = db.cached(backwards ? down : up);
  if (!query)
    return query.error();
  (*query)->bind(1, row->id).bind(2, to_sql(backwards && from == 0 ? UINT64_MAX : from));
  (*query)->bind(3, to_sql(limit));
  return read_rows(**query);
}

result<std::vector<recorded_event>> read_range(database& db, const position_range& range,
                                               const event_filter& filter) {
  auto sql = std::string{event_columns} + "WHERE e.position >= ? AND e.position <= ?";
  if (!filter.category.empty())
    sql += " AND e.category = ?";
  if (!filter.types.empty()) {
    sql += " AND e.type IN (?";
    for (size_t i = 1; i < filter.types.size(); ++i)
      sql += ", ?";
    sql += ")";
  }
  if (filter.since)
    sql += " AND e.time_ns >= ?";
  if (filter.until)
    sql += " AND e.time_ns < ?";
  sql += range.backwards ? " ORDER BY e.position DESC LIMIT ?" : " ORDER BY e.position LIMIT ?";
  // Filters make many texts, so this one is not kept.
  auto query = db.prepare(sql);
  if (!query)
    return query.error();
  query->bind(1, to_sql(range.from)).bind(2, to_sql(range.until));
  int next = 2;
  if (!filter.category.empty())
    query->bind(++next, filter.category);
  for (const auto& x : filter.types)
    query->bind(++next, x);
  if (filter.since)
    query->bind(++next, filter.since->ns);
  if (filter.until)
    query->bind(++next, filter.until->ns);
  query->bind(++next, to_sql(range.limit));
  return read_rows(*query);
}

result<std::vector<recorded_event>> read_behind(database& db, std::string_view stream,
                                                uint64_t version, uint64_t until) {
  static const auto sql = std::string{event_columns}
                          + "WHERE e.stream_id = (SELECT stream_id FROM streams WHERE name = ?) "
                            "AND e.version > ? AND e.position <= ? ORDER BY e.version LIMIT ?";
  auto query = db.cached(sql);
  if (!query)
    return query.error();
  (*query)->bind(1, stream).bind(2, to_sql(version)).bind(3, to_sql(until));
  (*query)->bind(4, static_cast<int64_t>(tail_batch_max));
  return read_rows(**query);
}

result<uint64_t> version_at(database& db, std::string_view stream, uint64_t position) {
  auto query = db.cached("SELECT coalesce(max(version), 0) FROM events WHERE stream_id = "
                         "(SELECT stream_id FROM streams WHERE name = ?) AND position <= ?");
  if (!query)
    return query.error();
  auto row = (*query)->bind(1, stream).bind(2, to_sql(position)).step();
  if (!row)
    return row.error();
  return static_cast<uint64_t>((*query)->integer(0));
}

result<std::vector<stream_info>> read_streams(database& db, std::string_view prefix,
                                              std::string_view after, size_t limit) {
  auto query = db.cached("SELECT name, version, first_version FROM streams WHERE name >= ? "
                         "AND name > ? AND removed = 0 ORDER BY name LIMIT ?");
  if (!query)
    return query.error();
  (*query)->bind(1, prefix).bind(2, after).bind(3, to_sql(limit));
  std::vector<stream_info> out;
  for (;;) {
    auto row = (*query)->step();
    if (!row)
      return row.error();
    // Names are in the order of bytes, so those with the prefix stand together.
    if (!*row || !(*query)->view(0).starts_with(prefix))
      return out;
    out.push_back(read_info(**query));
  }
}

result<std::optional<snapshot>> read_snapshot(database& db, std::string_view stream) {
  auto query = db.cached("SELECT x.version, x.type, x.data, x.time_ns FROM snapshots x "
                         "JOIN streams s ON s.stream_id = x.stream_id WHERE s.name = ?");
  if (!query)
    return query.error();
  auto row = (*query)->bind(1, stream).step();
  if (!row)
    return row.error();
  if (!*row)
    return std::optional<snapshot>{};
  return std::optional{snapshot{std::string{stream},
                                static_cast<uint64_t>((*query)->integer(0)),
                                (*query)->text(1),
                                (*query)->text(2),
                                {(*query)->integer(3)}}};
}

} // namespace coppice::store::detail
