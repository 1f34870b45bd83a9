#include "runtime/store/event_append.hpp"

namespace coppice::store::detail {

namespace {

struct stream_row {
  int64_t id = 0; ///< 0: there is no such stream.
  uint64_t version = 0;
};

result<stream_row> find_stream(database& db, std::string_view name) {
  auto query = db.cached("SELECT stream_id, version FROM streams WHERE name = ?");
  if (!query)
    return query.error();
  auto found = (*query)->bind(1, name).step();
  if (!found)
    return found.error();
  if (!*found)
    return stream_row{};
  return stream_row{(*query)->integer(0), static_cast<uint64_t>((*query)->integer(1))};
}

bool fits(const expected_version& expected, const stream_row& actual) {
  switch (expected.what) {
    case expected_version::kind::any:
      return true;
    case expected_version::kind::no_stream:
      return actual.id == 0;
    case expected_version::kind::stream_exists:
      return actual.id != 0;
    case expected_version::kind::exact:
      break;
  }
  return actual.version == expected.version;
}

error version_conflict(const append_request& request, const stream_row& actual) {
  auto is = actual.id == 0 ? std::string{"does not exist"}
                           : "has version " + std::to_string(actual.version);
  auto wanted = to_string(request.expected);
  if (request.expected.what == expected_version::kind::exact)
    wanted = "version " + wanted;
  return {errc::conflict, "stream '" + request.stream + "' " + is + ", expected " + wanted,
          "/expected"};
}

/// The answer that the same append got the first time. `unknown` when its first id is new.
result<append_result> repeat(database& db, const append_request& request, const error& unknown) {
  append_result out{.stream = request.stream};
  auto query = db.cached("SELECT s.name, e.version, e.position, e.id, e.type, e.time_ns, e.data, "
                         "e.metadata FROM events e JOIN streams s ON s.stream_id = e.stream_id "
                         "WHERE e.id = ?");
  if (!query)
    return query.error();
  for (const auto& x : request.events) {
    (*query)->reset();
    auto found = (*query)->bind(1, x.id).step();
    if (!found)
      return found.error();
    if (!*found && out.ids.empty())
      return unknown;
    auto taken = "event id '" + x.id + "' ";
    if (!*found)
      return error{errc::conflict, taken + "is new, but others of this append are stored already"};
    auto there = read_row(**query);
    auto follows = out.ids.empty() || there.version == out.version + 1;
    if (there.stream != request.stream || !follows || there.type != x.type || there.data != x.data)
      return error{errc::conflict, taken + "belongs to another event, version "
                                     + std::to_string(there.version) + " of stream '" + there.stream
                                     + "'"};
    out.version = there.version;
    out.position = there.position;
    out.ids.push_back(x.id);
  }
  return out;
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
result<bool> insert_event(database& db, int64_t stream, uint64_t version, const new_event& x) {
  auto insert =
    db.cached("INSERT INTO events (stream_id, version, id, type, time_ns, data, metadata) "
              "VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING");
  if (!insert)
    return insert.error();
  (*insert)->bind(1, stream).bind(2, static_cast<int64_t>(version)).bind(3, x.id).bind(4, x.type);
  (*insert)->bind(5, x.time.ns).bind(6, x.data).bind(7, x.metadata);
  if (auto ok = (*insert)->run(); !ok)
    return ok.error();
  return db.changes() == 1;
}

result<void> set_version(database& db, int64_t stream, uint64_t version) {
  auto update = db.cached("UPDATE streams SET version = ? WHERE stream_id = ?");
  if (!update)
    return update.error();
  return (*update)->bind(1, static_cast<int64_t>(version)).bind(2, stream).run();
}

} // namespace

result<append_result> append_events(database& db, const append_request& request) {
  auto stream = find_stream(db, request.stream);
  if (!stream)
    return stream.error();
  if (!fits(request.expected, *stream))
    return repeat(db, request, version_conflict(request, *stream));
  append_result out{.stream = request.stream, .version = stream->version};
  auto id = stream->id;
  if (id == 0) {
    auto made = make_stream(db, request.stream);
    if (!made)
      return made.error();
    id = *made;
  }
  for (const auto& x : request.events) {
    auto fresh = insert_event(db, id, out.version + 1, x);
    if (!fresh)
      return fresh.error();
    if (!*fresh) {
      error taken{errc::conflict, "event id '" + x.id + "' belongs to another event"};
      // Nothing was inserted yet, so this may be the same append again.
      return out.ids.empty() ? repeat(db, request, taken) : taken;
    }
    ++out.version;
    out.position = static_cast<uint64_t>(db.last_row());
    out.ids.push_back(x.id);
  }
  if (auto ok = set_version(db, id, out.version); !ok)
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
