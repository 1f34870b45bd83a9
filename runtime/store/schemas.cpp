#include "runtime/store/schemas.hpp"

namespace coppice::store {

namespace {

// The same texts as in schemas/sql/; a test compares them.
constexpr migration event_store_steps[] = {
  {1, "0001_events.sql",
   R"sql(-- Streams of events. Positions and versions count from 1 without gaps: there is one writer.
CREATE TABLE streams (
  stream_id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  version INTEGER NOT NULL
);

CREATE TABLE events (
  position INTEGER PRIMARY KEY,
  stream_id INTEGER NOT NULL REFERENCES streams,
  version INTEGER NOT NULL,
  id TEXT NOT NULL UNIQUE,
  type TEXT NOT NULL,
  time_ns INTEGER NOT NULL,
  data TEXT NOT NULL,
  metadata TEXT NOT NULL,
  UNIQUE (stream_id, version)
);
)sql"},
  {2, "0002_removal_and_snapshots.sql",
   R"sql(-- Reading by category, type and time; snapshots; streams that lose events. Versions of a stream and positions of the store
-- never begin again: `last_position` is the highest one that was given before events were removed.
ALTER TABLE streams ADD COLUMN first_version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE streams ADD COLUMN removed INTEGER NOT NULL DEFAULT 0;

ALTER TABLE events ADD COLUMN category TEXT NOT NULL DEFAULT '';
UPDATE events SET category = (
  SELECT CASE instr(name, '-') WHEN 0 THEN name ELSE substr(name, 1, instr(name, '-') - 1) END
  FROM streams WHERE streams.stream_id = events.stream_id);

CREATE INDEX events_by_category ON events (category);
CREATE INDEX events_by_type ON events (type);
CREATE INDEX events_by_time ON events (time_ns);

CREATE TABLE last_position (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  position INTEGER NOT NULL
);
INSERT INTO last_position VALUES (1, 0);

CREATE TABLE snapshots (
  stream_id INTEGER PRIMARY KEY REFERENCES streams,
  version INTEGER NOT NULL,
  type TEXT NOT NULL,
  time_ns INTEGER NOT NULL,
  data TEXT NOT NULL
);
)sql"},
};

constexpr migration dead_letters_steps[] = {
  {1, "0001_dead_letters.sql",
   R"sql(-- What could not be delivered or handled. Letters are numbered in the order in which they came.
CREATE TABLE dead_letters (
  number INTEGER PRIMARY KEY,
  id TEXT NOT NULL UNIQUE,
  at_ns INTEGER NOT NULL,
  reason TEXT NOT NULL,
  origin TEXT NOT NULL,
  subject TEXT NOT NULL,
  type TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  payload BLOB NOT NULL,
  headers TEXT NOT NULL,
  trace_id TEXT NOT NULL,
  size INTEGER NOT NULL,
  stack TEXT NOT NULL,
  state INTEGER NOT NULL,
  state_at_ns INTEGER NOT NULL,
  replayed_to TEXT NOT NULL
);

CREATE INDEX dead_letters_waiting ON dead_letters (number) WHERE state = 0;
)sql"},
};

constexpr migration timeline_steps[] = {
  {1, "0001_timeline.sql",
   R"sql(-- What happened on the node, as history shows it. Numbers grow; the oldest rows go first.
CREATE TABLE timeline (
  number INTEGER PRIMARY KEY,
  at_ns INTEGER NOT NULL,
  kind TEXT NOT NULL,
  path TEXT NOT NULL,
  text TEXT NOT NULL,
  details TEXT NOT NULL
);
)sql"},
};

} // namespace

const schema& event_store_schema() {
  static const schema x{"event_store", event_store_steps};
  return x;
}

const schema& dead_letters_schema() {
  static const schema x{"dead_letters", dead_letters_steps};
  return x;
}

const schema& timeline_schema() {
  static const schema x{"timeline", timeline_steps};
  return x;
}

} // namespace coppice::store
