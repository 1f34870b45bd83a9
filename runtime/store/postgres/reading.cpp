#include "runtime/store/postgres/reading.hpp"

#include "runtime/store/append_core.hpp"
#include "runtime/store/event_tail.hpp"

#include <pqxx/pqxx>

namespace coppice::postgres {

namespace {

const std::string columns =
  "SELECT s.name, e.version, e.position, e.id, e.type, e.time_ns, e.data::text, e.metadata::text "
  "FROM events e JOIN streams s USING (stream_id) ";

int64_t to_sql(uint64_t x) {
  return static_cast<int64_t>(std::min(x, static_cast<uint64_t>(INT64_MAX)));
}

uint64_t number(const pqxx::field& x) {
  return x.as<uint64_t>();
}

store::recorded_event event_of(const pqxx::row& x) {
  return {.stream = std::string{x[0].view()},
          .version = number(x[1]),
          .position = number(x[2]),
          .id = std::string{x[3].view()},
          .type = std::string{x[4].view()},
          .time = {x[5].as<int64_t>()},
          .data = std::string{x[6].view()},
          .metadata = std::string{x[7].view()}};
}

/// As SQLite's: not past read_bytes_max.
std::vector<store::recorded_event> events_of(const pqxx::result& rows) {
  std::vector<store::recorded_event> out;
  out.reserve(static_cast<size_t>(rows.size()));
  size_t bytes = 0;
  for (const auto& row : rows) {
    out.push_back(event_of(row));
    bytes += out.back().data.size() + out.back().metadata.size();
    if (bytes >= store::read_bytes_max)
      break;
  }
  return out;
}

pqxx::result ask(pqxx::connection& connection, std::string_view name, const pqxx::params& values) {
  pqxx::nontransaction reading{connection};
  return reading.exec(pqxx::prepped{pqxx::zview{name.data(), name.size()}}, values);
}

} // namespace

void prepare_reading(pqxx::connection& connection, const std::string& schema) {
  pqxx::nontransaction{connection}.exec("SET search_path = " + connection.quote_name(schema));
  auto of_stream = columns + "WHERE s.name = $1 AND ";
  connection.prepare("up", of_stream + "e.version >= $2 ORDER BY e.version LIMIT $3");
  connection.prepare("down", of_stream + "e.version <= $2 ORDER BY e.version DESC LIMIT $3");
  connection.prepare("behind",
                     of_stream + "e.version > $2 AND e.position <= $3 ORDER BY e.version LIMIT $4");
  connection.prepare(
    "all_up", columns + "WHERE e.position >= $1 AND e.position <= $2 ORDER BY e.position LIMIT $3");
  connection.prepare("version_at",
                     "SELECT coalesce(max(e.version), 0) FROM events e JOIN streams s "
                     "USING (stream_id) WHERE s.name = $1 AND e.position <= $2");
  connection.prepare("streams", "SELECT name, version, first_version FROM streams WHERE name >= $1 "
                                "AND name > $2 AND NOT removed ORDER BY name LIMIT $3");
  connection.prepare("find", "SELECT name, version, first_version FROM streams "
                             "WHERE name = $1 AND NOT removed");
  connection.prepare("snapshot",
                     "SELECT x.version, x.type, x.data::text, x.time_ns FROM snapshots x "
                     "JOIN streams s USING (stream_id) WHERE s.name = $1");
  connection.prepare("has_event", "SELECT 1 FROM events e JOIN streams s USING (stream_id) "
                                  "WHERE e.id = $2 AND s.name = $1");
}

result<std::vector<store::recorded_event>> read_stream(pqxx::connection& connection,
                                                       std::string_view stream, uint64_t from,
                                                       size_t limit, bool backwards) {
  auto bound = to_sql(backwards && from == 0 ? UINT64_MAX : from);
  auto rows = ask(connection, backwards ? "down" : "up", {stream, bound, limit});
  // Nothing: is there no such stream, or nothing in that range of it?
  if (rows.empty())
    if (auto found = find_stream(connection, stream); !found)
      return found.error();
  return events_of(rows);
}

result<std::vector<store::recorded_event>> read_range(pqxx::connection& connection,
                                                      const store::position_range& range,
                                                      const store::event_filter& filter) {
  if (!range.backwards && filter == store::event_filter{})
    return events_of(
      ask(connection, "all_up", {to_sql(range.from), to_sql(range.until), range.limit}));
  auto sql = columns + "WHERE e.position >= $1 AND e.position <= $2";
  pqxx::params values{to_sql(range.from), to_sql(range.until), range.limit};
  int next = 3;
  auto add = [&](const std::string& condition, const auto& value) {
    values.append(value);
    sql += " AND " + condition + "$" + std::to_string(++next);
  };
  if (!filter.category.empty())
    add("e.category = ", filter.category);
  if (!filter.types.empty()) {
    add("e.type = ANY (", filter.types);
    sql += "::text[])";
  }
  if (filter.since)
    add("e.time_ns >= ", filter.since->ns);
  if (filter.until)
    add("e.time_ns < ", filter.until->ns);
  sql += range.backwards ? " ORDER BY e.position DESC LIMIT $3" : " ORDER BY e.position LIMIT $3";
  pqxx::nontransaction reading{connection};
  return events_of(reading.exec(sql, values));
}

result<std::vector<store::recorded_event>> read_behind(pqxx::connection& connection,
                                                       std::string_view stream, uint64_t version,
                                                       uint64_t until) {
  return events_of(ask(connection, "behind",
                       {stream, to_sql(version), to_sql(until), store::detail::tail_batch_max}));
}

uint64_t version_at(pqxx::connection& connection, std::string_view stream, uint64_t position) {
  return number(ask(connection, "version_at", {stream, to_sql(position)}).one_field());
}

std::vector<store::stream_info> read_streams(pqxx::connection& connection, std::string_view prefix,
                                             std::string_view after, size_t limit) {
  std::vector<store::stream_info> out;
  for (const auto& x : ask(connection, "streams", {prefix, after, limit})) {
    // Names are in the order of bytes, so those with the prefix stand together.
    if (!x[0].view().starts_with(prefix))
      break;
    out.push_back({std::string{x[0].view()}, number(x[1]), number(x[2])});
  }
  return out;
}

result<store::stream_info> find_stream(pqxx::connection& connection, std::string_view stream) {
  auto rows = ask(connection, "find", {stream});
  if (rows.empty())
    return store::no_stream_named(stream);
  return store::stream_info{std::string{stream}, number(rows[0][1]), number(rows[0][2])};
}

std::optional<store::snapshot> read_snapshot(pqxx::connection& connection,
                                             std::string_view stream) {
  auto rows = ask(connection, "snapshot", {stream});
  if (rows.empty())
    return std::nullopt;
  auto x = rows[0];
  return store::snapshot{std::string{stream},
                         number(x[0]),
                         std::string{x[1].view()},
                         std::string{x[2].view()},
                         {x[3].as<int64_t>()}};
}

bool has_event(pqxx::connection& connection, std::string_view stream, std::string_view id) {
  return !ask(connection, "has_event", {stream, id}).empty();
}

} // namespace coppice::postgres
