#include "runtime/store/event_append.hpp"

namespace coppice::store::detail {

namespace {

/// The answer that the same append got the first time, see repeat_answer().
result<append_result> repeat(database& db, const append_request& request, const error& unknown) {
  static const auto sql = std::string{event_columns} + "WHERE e.id = ?";
  auto query = db.cached(sql);
  if (!query)
    return query.error();
  recorded_event row;
  return repeat_answer(
    request,
    [&](const std::string& id) -> result<std::optional<known_event>> {
      (*query)->reset();
      auto found = (*query)->bind(1, id).step();
      if (!found)
        return found.error();
      if (!*found)
        return std::optional<known_event>{};
      row = read_row(**query);
      return std::optional{known_event{row.stream, row.version, row.position, row.type, row.data}};
    },
    unknown);
}

result<int64_t> make_stream(database& db, std::string_view name) {
  auto insert = db.cached("INSERT INTO streams (name, version) VALUES (?, 0)");
  if (!insert)
    return insert.error();
  if (auto ok = (*insert)->bind(1, name).run(); !ok)
    return ok.error();
  return db.last_row();
}

/// False when the id is taken.
result<bool> insert_event(database& db, int64_t stream, const append_result& behind,
                          std::string_view category, const new_event& x) {
  auto insert = db.cached("INSERT INTO events (position, stream_id, version, id, type, time_ns, "
                          "data, metadata, category) "
                          "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING");
  if (!insert)
    return insert.error();
  (*insert)->bind(1, static_cast<int64_t>(behind.position + 1)).bind(2, stream);
  (*insert)->bind(3, static_cast<int64_t>(behind.version + 1)).bind(4, x.id).bind(5, x.type);
  (*insert)->bind(6, x.time.ns).bind(7, x.data).bind(8, x.metadata).bind(9, category);
  if (auto ok = (*insert)->run(); !ok)
    return ok.error();
  return db.changes() == 1;
}

/// A removed stream begins anew behind its last event.
result<void> set_version(database& db, int64_t stream, const stream_state& was, uint64_t version) {
  auto update = db.cached("UPDATE streams SET version = ?, removed = 0, "
                          "first_version = CASE removed WHEN 0 THEN first_version ELSE ? END "
                          "WHERE stream_id = ?");
  if (!update)
    return update.error();
  (*update)->bind(1, static_cast<int64_t>(version)).bind(2, static_cast<int64_t>(was.version + 1));
  return (*update)->bind(3, stream).run();
}

} // namespace

result<stream_row> find_stream(database& db, std::string_view name) {
  auto query =
    db.cached("SELECT stream_id, version, removed, first_version FROM streams WHERE name = ?");
  if (!query)
    return query.error();
  auto found = (*query)->bind(1, name).step();
  if (!found)
    return found.error();
  if (!*found)
    return stream_row{};
  return stream_row{(*query)->integer(0),
                    {(*query)->integer(2) == 0, static_cast<uint64_t>((*query)->integer(1))},
                    static_cast<uint64_t>((*query)->integer(3))};
}

result<uint64_t> find_head(database& db) {
  auto query = db.cached("SELECT max((SELECT coalesce(max(position), 0) FROM events), "
                         "(SELECT position FROM last_position))");
  if (!query)
    return query.error();
  auto row = (*query)->step();
  if (!row)
    return row.error();
  return static_cast<uint64_t>((*query)->integer(0));
}

result<append_result> append_events(database& db, const append_request& request) {
  auto stream = find_stream(db, request.stream);
  if (!stream)
    return stream.error();
  const auto& was = stream->state;
  if (!fits(request.expected, was))
    return repeat(db, request, version_conflict(request.stream, request.expected, was));
  auto head = find_head(db);
  if (!head)
    return head.error();
  append_result out{.stream = request.stream, .version = was.version, .position = *head};
  auto id = stream->id;
  if (id == 0) {
    auto made = make_stream(db, request.stream);
    if (!made)
      return made.error();
    id = *made;
  }
  for (const auto& x : request.events) {
    auto fresh = insert_event(db, id, out, category_of(request.stream), x);
    if (!fresh)
      return fresh.error();
    if (!*fresh) {
      error taken{errc::conflict, "event id '" + x.id + "' belongs to another event"};
      // Nothing was inserted yet, so this may be the same append again.
      return out.ids.empty() ? repeat(db, request, taken) : taken;
    }
    ++out.version;
    ++out.position;
    out.ids.push_back(x.id);
  }
  if (auto ok = set_version(db, id, was, out.version); !ok)
    return ok.error();
  return out;
}

recorded_event read_row(const statement& row) {
  recorded_event out;
  out.stream = row.text(0);
  out.version = static_cast<uint64_t>(row.integer(1));
  out.position = static_cast<uint64_t>(row.integer(2));
  out.id = row.text(3);
  out.type = row.text(4);
  out.time = {row.integer(5)};
  out.data = row.text(6);
  out.metadata = row.text(7);
  return out;
}

result<std::vector<recorded_event>> read_rows(statement& query) {
  std::vector<recorded_event> out;
  size_t bytes = 0;
  while (bytes < read_bytes_max) {
    auto row = query.step();
    if (!row)
      return row.error();
    if (!*row)
      break;
    out.push_back(read_row(query));
    bytes += out.back().data.size() + out.back().metadata.size();
  }
  return out;
}

} // namespace coppice::store::detail
