#include "runtime/store/dead_letter_rows.hpp"

#include "runtime/json/value.hpp"

namespace coppice::store::detail {

namespace {

std::string headers_text(const dead_letter& x) {
  json::array out;
  for (const auto& [name, value] : x.headers)
    out.push_back(json::array({json::value(name), json::value(value)}));
  return json::serialize(json::value(std::move(out)));
}

std::string stack_text(const dead_letter& x) {
  json::array out;
  for (const auto& frame : x.stack)
    out.emplace_back(frame);
  return json::serialize(json::value(std::move(out)));
}

/// Reads what headers_text() and stack_text() wrote; a text that somebody changed by hand is left
/// out.
void read_lists(dead_letter& x, std::string_view headers, std::string_view stack) {
  if (auto list = json::parse(headers); list && list->is_array())
    for (const auto& pair : list->get_array())
      if (pair.is_array() && pair.get_array().size() == 2 && pair.get_array()[0].is_string()
          && pair.get_array()[1].is_string())
        x.headers.emplace_back(pair.get_array()[0].get_string(), pair.get_array()[1].get_string());
  if (auto list = json::parse(stack); list && list->is_array())
    for (const auto& frame : list->get_array())
      if (frame.is_string())
        x.stack.emplace_back(frame.get_string());
}

constexpr std::string_view short_columns = "SELECT id, at_ns, reason, origin, subject, type, "
                                           "attempts, trace_id, size, state, state_at_ns, "
                                           "replayed_to";

dead_letter read_short(const statement& row) {
  dead_letter x;
  x.id = row.text(0);
  x.at = {row.integer(1)};
  x.reason = row.text(2);
  x.origin = row.text(3);
  x.subject = row.text(4);
  x.type = row.text(5);
  x.attempts = static_cast<uint32_t>(row.integer(6));
  x.trace_id = row.text(7);
  x.size = static_cast<uint64_t>(row.integer(8));
  x.state = static_cast<dead_letter_state>(row.integer(9));
  x.state_at = {row.integer(10)};
  x.replayed_to = row.text(11);
  return x;
}

error no_letter(const std::string& id) {
  return {errc::not_found, "there is no dead letter '" + id + "'"};
}

struct condition {
  std::string sql;
  std::string value;
};

std::vector<condition> conditions(const dead_letter_filter& filter) {
  std::vector<condition> out;
  if (!filter.reason.empty())
    out.push_back({"reason = ?", filter.reason});
  if (!filter.origin.empty())
    out.push_back({"origin = ?", filter.origin});
  if (!filter.type.empty())
    out.push_back({"type = ?", filter.type});
  if (filter.subject.ends_with('*'))
    out.push_back({"instr(subject, ?) = 1", filter.subject.substr(0, filter.subject.size() - 1)});
  else if (!filter.subject.empty())
    out.push_back({"subject = ?", filter.subject});
  if (!filter.after_id.empty())
    out.push_back({"number < (SELECT number FROM dead_letters WHERE id = ?)", filter.after_id});
  return out;
}

result<void> remove_oldest(database& db, int64_t count) {
  auto remove = db.cached("DELETE FROM dead_letters WHERE number IN "
                          "(SELECT number FROM dead_letters ORDER BY number LIMIT ?)");
  if (!remove)
    return remove.error();
  return (*remove)->bind(1, count).run();
}

} // namespace

result<void> insert_letter(database& db, const dead_letter& x) {
  auto insert = db.cached(
    "INSERT INTO dead_letters (id, at_ns, reason, origin, subject, type, attempts, payload, "
    "headers, trace_id, size, stack, state, state_at_ns, replayed_to) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING");
  if (!insert)
    return insert.error();
  auto& row = **insert;
  row.bind(1, x.id).bind(2, x.at.ns).bind(3, x.reason).bind(4, x.origin).bind(5, x.subject);
  row.bind(6, x.type).bind(7, x.attempts).bind_blob(8, x.payload).bind(9, headers_text(x));
  row.bind(10, x.trace_id).bind(11, static_cast<int64_t>(x.size)).bind(12, stack_text(x));
  row.bind(13, static_cast<int64_t>(x.state)).bind(14, x.state_at.ns).bind(15, x.replayed_to);
  return row.run();
}

result<uint64_t> evict_letters(database& db, uint64_t count_max, uint64_t bytes_max) {
  uint64_t removed = 0;
  while (true) {
    auto total = db.cached("SELECT count(*), coalesce(sum(length(payload)), 0) FROM dead_letters");
    if (!total)
      return total.error();
    if (auto row = (*total)->step(); !row)
      return row.error();
    auto count = static_cast<uint64_t>((*total)->integer(0));
    auto bytes = static_cast<uint64_t>((*total)->integer(1));
    (*total)->reset();
    auto excess = count > count_max ? count - count_max : 0;
    if (excess == 0 && bytes > bytes_max && count > 1)
      excess = count / 16 + 1;
    if (excess == 0)
      return removed;
    if (auto ok = remove_oldest(db, static_cast<int64_t>(excess)); !ok)
      return ok.error();
    removed += static_cast<uint64_t>(db.changes());
  }
}

result<std::vector<dead_letter>> list_letters(database& db, const dead_letter_filter& filter) {
  auto where = conditions(filter);
  auto sql = std::string{short_columns} + " FROM dead_letters WHERE 1";
  if (filter.state)
    sql += " AND state = " + std::to_string(static_cast<int>(*filter.state));
  for (const auto& x : where)
    sql += " AND " + x.sql;
  auto query = db.prepare(sql + " ORDER BY number DESC LIMIT " + std::to_string(filter.limit));
  if (!query)
    return query.error();
  for (size_t i = 0; i < where.size(); ++i)
    query->bind(static_cast<int>(i + 1), where[i].value);
  std::vector<dead_letter> out;
  while (true) {
    auto row = query->step();
    if (!row)
      return row.error();
    if (!*row)
      return out;
    out.push_back(read_short(*query));
  }
}

result<std::vector<dead_letter_count>> summarise_letters(database& db, size_t limit) {
  auto query = db.prepare("SELECT reason, type, subject, count(*), min(at_ns), max(at_ns) "
                          "FROM dead_letters WHERE state = 0 GROUP BY reason, type, subject "
                          "ORDER BY count(*) DESC, reason, type, subject LIMIT ?");
  if (!query)
    return query.error();
  query->bind(1, static_cast<int64_t>(std::min<size_t>(limit, 10'000)));
  std::vector<dead_letter_count> out;
  while (true) {
    auto row = query->step();
    if (!row)
      return row.error();
    if (!*row)
      return out;
    out.push_back({query->text(0),
                   query->text(1),
                   query->text(2),
                   static_cast<uint64_t>(query->integer(3)),
                   {query->integer(4)},
                   {query->integer(5)}});
  }
}

result<dead_letter> find_letter(database& db, const std::string& id) {
  auto query = db.prepare(std::string{short_columns}
                          + ", payload, headers, stack FROM dead_letters WHERE id = ?");
  if (!query)
    return query.error();
  auto row = query->bind(1, id).step();
  if (!row)
    return row.error();
  if (!*row)
    return no_letter(id);
  auto out = read_short(*query);
  out.payload = query->text(12);
  read_lists(out, query->view(13), query->view(14));
  return out;
}

result<dead_letter_state> letter_state(database& db, const std::string& id) {
  auto query = db.cached("SELECT state FROM dead_letters WHERE id = ?");
  if (!query)
    return query.error();
  auto row = (*query)->bind(1, id).step();
  if (!row)
    return row.error();
  if (!*row)
    return no_letter(id);
  return static_cast<dead_letter_state>((*query)->integer(0));
}

result<void> set_letter_state(database& db, const std::string& id, dead_letter_state state,
                              instant at, const std::string& to) {
  auto update = db.cached("UPDATE dead_letters SET state = ?, state_at_ns = ?, replayed_to = ? "
                          "WHERE id = ?");
  if (!update)
    return update.error();
  (*update)->bind(1, static_cast<int64_t>(state)).bind(2, at.ns).bind(3, to).bind(4, id);
  return (*update)->run();
}

result<uint64_t> count_waiting(database& db) {
  auto query = db.cached("SELECT count(*) FROM dead_letters WHERE state = 0");
  if (!query)
    return query.error();
  if (auto row = (*query)->step(); !row)
    return row.error();
  return static_cast<uint64_t>((*query)->integer(0));
}

} // namespace coppice::store::detail
