#include "runtime/store/postgres/migrate.hpp"

#include <pqxx/pqxx>

namespace coppice::postgres {

namespace {

// The same texts as in schemas/sql/postgres/; a test compares them.
constexpr store::migration event_store_steps[] = {
  {1, "0001_events.sql",
   R"sql(-- Streams of events. `event_head` is locked by every append until it commits: so positions are given in the order of
-- commits, without gaps, and a reader by position never steps over an event that commits later.
CREATE TABLE event_head (
  one boolean PRIMARY KEY CHECK (one),
  position bigint NOT NULL
);
INSERT INTO event_head VALUES (true, 0);

-- A stream is numbered by the position of its first event.
CREATE TABLE streams (
  stream_id bigint PRIMARY KEY,
  name text COLLATE "C" NOT NULL UNIQUE,
  version bigint NOT NULL,
  first_version bigint NOT NULL,
  removed boolean NOT NULL
);

CREATE TABLE events (
  position bigint PRIMARY KEY,
  stream_id bigint NOT NULL REFERENCES streams,
  version bigint NOT NULL,
  id text COLLATE "C" NOT NULL UNIQUE,
  type text COLLATE "C" NOT NULL,
  category text COLLATE "C" NOT NULL,
  time_ns bigint NOT NULL,
  data json NOT NULL,
  metadata json NOT NULL,
  UNIQUE (stream_id, version)
);
CREATE INDEX events_by_category ON events (category, position);
CREATE INDEX events_by_type ON events (type, position);
CREATE INDEX events_by_time ON events (time_ns);

CREATE TABLE snapshots (
  stream_id bigint PRIMARY KEY REFERENCES streams,
  version bigint NOT NULL,
  type text NOT NULL,
  time_ns bigint NOT NULL,
  data json NOT NULL
);
)sql"},
};

constexpr store::schema event_store_tables{"event_store", event_store_steps};

} // namespace

const store::schema& event_store_schema() {
  return event_store_tables;
}

result<void> migrate(pqxx::connection& connection, const std::string& schema,
                     const store::schema& wanted) {
  pqxx::work change{connection};
  change.exec("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))",
              pqxx::params{"coppice migrations of " + schema});
  // Asked first, because who may use a schema need not be allowed to make one.
  if (change.exec("SELECT 1 FROM pg_namespace WHERE nspname = $1", pqxx::params{schema}).empty())
    change.exec("CREATE SCHEMA " + connection.quote_name(schema));
  change.exec("SET LOCAL search_path = " + connection.quote_name(schema));
  change.exec("CREATE TABLE IF NOT EXISTS schema_versions (schema text NOT NULL, "
              "version int NOT NULL, step text NOT NULL, applied_at timestamptz NOT NULL "
              "DEFAULT now(), PRIMARY KEY (schema, version))");
  auto current = change
                   .exec("SELECT coalesce(max(version), 0) FROM schema_versions WHERE schema = $1",
                         pqxx::params{std::string{wanted.name}})
                   .one_field()
                   .as<int>();
  auto newest = wanted.steps.empty() ? 0 : wanted.steps.back().version;
  if (current > newest)
    return error{errc::refused, "schema " + std::string{wanted.name} + " in '" + schema
                                  + "' has version " + std::to_string(current)
                                  + ", this program knows up to " + std::to_string(newest)
                                  + "; the tables were written by a newer version: use that one"};
  for (const auto& step : wanted.steps) {
    if (step.version <= current)
      continue;
    change.exec(std::string{step.sql});
    change.exec("INSERT INTO schema_versions (schema, version, step) VALUES ($1, $2, $3)",
                pqxx::params{std::string{wanted.name}, step.version, std::string{step.name}});
  }
  change.commit();
  return {};
}

} // namespace coppice::postgres
