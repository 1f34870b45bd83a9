#include "runtime/base/clock.hpp"
#include "runtime/store/sqlite.hpp"

namespace coppice::store {

namespace {

constexpr auto version_table =
  "CREATE TABLE IF NOT EXISTS schema_versions ("
  "schema TEXT NOT NULL, version INTEGER NOT NULL, step TEXT NOT NULL, "
  "applied_at TEXT NOT NULL, PRIMARY KEY (schema, version)) WITHOUT ROWID";

result<void> apply(database& db, const schema& wanted, const migration& step) {
  if (auto ok = db.execute(std::string{step.sql}); !ok)
    return error{errc::storage,
                 "migration " + std::string{step.name} + " of " + std::string{wanted.name}
                   + " failed: " + ok.error().message,
                 db.path()};
  auto note = db.prepare("INSERT INTO schema_versions VALUES (?, ?, ?, ?)");
  if (!note)
    return note.error();
  note->bind(1, wanted.name).bind(2, step.version).bind(3, step.name);
  return note->bind(4, to_string(system_clock().now())).run();
}

} // namespace

result<int> schema_version(database& db, std::string_view name) {
  auto known = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'schema_versions'");
  if (!known)
    return known.error();
  auto row = known->step();
  if (!row)
    return row.error();
  if (!*row)
    return 0;
  auto query = db.prepare("SELECT coalesce(max(version), 0) FROM schema_versions WHERE schema = ?");
  if (!query)
    return query.error();
  if (auto found = query->bind(1, name).step(); !found)
    return found.error();
  return static_cast<int>(query->integer(0));
}

result<void> migrate(database& db, const schema& wanted) {
  auto change = transaction::begin(db);
  if (!change)
    return change.error();
  if (auto ok = db.execute(version_table); !ok)
    return ok;
  auto current = schema_version(db, wanted.name);
  if (!current)
    return current.error();
  auto newest = wanted.steps.empty() ? 0 : wanted.steps.back().version;
  if (*current > newest)
    return error{errc::refused,
                 "schema " + std::string{wanted.name} + " has version " + std::to_string(*current)
                   + ", this program knows up to " + std::to_string(newest)
                   + "; the file was written by a newer version: use that one",
                 db.path()};
  for (const auto& step : wanted.steps) {
    if (step.version <= *current)
      continue;
    COPPICE_ASSERT(step.version == *current + 1);
    if (auto ok = apply(db, wanted, step); !ok)
      return ok;
    current = step.version;
  }
  return change->commit();
}

} // namespace coppice::store
