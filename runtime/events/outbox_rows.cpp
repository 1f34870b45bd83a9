#include "runtime/events/outbox_rows.hpp"

namespace coppice::events::detail {

namespace {

int64_t to_sql(uint64_t x) {
  return static_cast<int64_t>(x);
}
uint64_t from_sql(int64_t x) {
  return static_cast<uint64_t>(x);
}

/// `name: value` lines: neither holds a line break.
std::string headers_text(const header_list& headers) {
  std::string out;
  for (const auto& [name, value] : headers)
    out += name + ":" + value + "\n";
  return out;
}

header_list read_headers(std::string_view text) {
  header_list out;
  while (!text.empty()) {
    auto end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    if (auto colon = line.find(':'); colon != std::string_view::npos)
      out.emplace_back(line.substr(0, colon), line.substr(colon + 1));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

/// A query of one row and one number.
result<uint64_t> number(store::database& db, std::string_view sql) {
  auto query = db.cached(sql);
  if (!query)
    return query.error();
  auto row = (*query)->step();
  if (!row)
    return row.error();
  return *row ? from_sql((*query)->integer(0)) : 0;
}

} // namespace

result<void> insert_row(store::database& db, const outbox_row& x) {
  auto insert =
    db.cached("INSERT INTO outbox (sequence, id, type, subject, stream, at_ns, headers, "
              "payload, size) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
  if (!insert)
    return insert.error();
  auto& row = **insert;
  row.bind(1, to_sql(x.sequence))
    .bind(2, x.id)
    .bind(3, x.type)
    .bind(4, x.subject)
    .bind(5, x.stream);
  row.bind(6, x.at.ns).bind(7, headers_text(x.headers)).bind_blob(8, x.payload);
  return row.bind(9, to_sql(x.size)).run();
}

result<std::vector<outbox_row>> rows_after(store::database& db, uint64_t sequence, size_t limit) {
  auto query =
    db.cached("SELECT sequence, id, type, subject, stream, at_ns, headers, payload, size "
              "FROM outbox WHERE sequence > ? ORDER BY sequence LIMIT ?");
  if (!query)
    return query.error();
  auto& row = **query;
  row.bind(1, to_sql(sequence)).bind(2, to_sql(limit));
  std::vector<outbox_row> out;
  while (true) {
    auto more = row.step();
    if (!more)
      return more.error();
    if (!*more)
      return out;
    out.push_back({from_sql(row.integer(0)),
                   row.text(1),
                   row.text(2),
                   row.text(3),
                   row.text(4),
                   {row.integer(5)},
                   read_headers(row.view(6)),
                   row.text(7),
                   from_sql(row.integer(8))});
  }
}

result<row_sum> sum_after(store::database& db, uint64_t sequence) {
  auto query = db.cached("SELECT count(*), coalesce(sum(size), 0), coalesce(max(sequence), 0) "
                         "FROM outbox WHERE sequence > ?");
  if (!query)
    return query.error();
  if (auto row = (*query)->bind(1, to_sql(sequence)).step(); !row)
    return row.error();
  return row_sum{from_sql((*query)->integer(0)), from_sql((*query)->integer(1)),
                 from_sql((*query)->integer(2))};
}

result<std::deque<row_size>> sizes_up_to(store::database& db, uint64_t sequence) {
  auto query =
    db.prepare("SELECT sequence, size FROM outbox WHERE sequence <= ? ORDER BY sequence");
  if (!query)
    return query.error();
  query->bind(1, to_sql(sequence));
  std::deque<row_size> out;
  while (true) {
    auto more = query->step();
    if (!more)
      return more.error();
    if (!*more)
      return out;
    out.push_back({from_sql(query->integer(0)), from_sql(query->integer(1))});
  }
}

result<uint64_t> read_floor(store::database& db) {
  return number(db, "SELECT floor FROM outbox_state");
}

result<void> write_floor(store::database& db, uint64_t floor) {
  auto update = db.cached("UPDATE outbox_state SET floor = ?");
  if (!update)
    return update.error();
  return (*update)->bind(1, to_sql(floor)).run();
}

result<void> delete_up_to(store::database& db, uint64_t sequence) {
  auto remove = db.cached("DELETE FROM outbox WHERE sequence <= ?");
  if (!remove)
    return remove.error();
  return (*remove)->bind(1, to_sql(sequence)).run();
}

result<uint64_t> first_of_stream(store::database& db, const std::string& stream) {
  auto query = db.prepare("SELECT sequence FROM outbox WHERE stream = ? ORDER BY sequence LIMIT 1");
  if (!query)
    return query.error();
  auto row = query->bind(1, stream).step();
  if (!row)
    return row.error();
  return *row ? from_sql(query->integer(0)) : 0;
}

result<uint64_t> count_of_stream(store::database& db, const std::string& stream, uint64_t after,
                                 uint64_t last) {
  auto query =
    db.prepare("SELECT count(*) FROM outbox WHERE stream = ? AND sequence > ? AND sequence <= ?");
  if (!query)
    return query.error();
  if (auto row = query->bind(1, stream).bind(2, to_sql(after)).bind(3, to_sql(last)).step(); !row)
    return row.error();
  return from_sql(query->integer(0));
}

result<std::optional<noted_stream>> read_noted(store::database& db, const std::string& stream) {
  auto query =
    db.prepare("SELECT created_ns, mark_sequence, mark_id FROM outbox_streams WHERE name = ?");
  if (!query)
    return query.error();
  auto row = query->bind(1, stream).step();
  if (!row)
    return row.error();
  if (!*row)
    return std::optional<noted_stream>{};
  return std::optional{
    noted_stream{instant{query->integer(0)}, {from_sql(query->integer(1)), query->text(2)}}};
}

result<void> write_noted(store::database& db, const std::string& stream, const noted_stream& x) {
  auto insert = db.prepare("INSERT OR REPLACE INTO outbox_streams "
                           "(name, created_ns, mark_sequence, mark_id) VALUES (?, ?, ?, ?)");
  if (!insert)
    return insert.error();
  insert->bind(1, stream).bind(2, x.created.ns);
  return insert->bind(3, to_sql(x.mark.sequence)).bind(4, x.mark.id).run();
}

} // namespace coppice::events::detail
