#include "runtime/events/schemas.hpp"

namespace coppice::events {

namespace {

// The same texts as in schemas/sql/; a test compares them.
constexpr store::migration outbox_steps[] = {
  {1, "0001_outbox.sql",
   R"sql(-- Events on their way to JetStream.
-- Rows up to outbox_state.floor are published and kept for a rebuild.
CREATE TABLE outbox (
  sequence INTEGER PRIMARY KEY,
  id TEXT NOT NULL,
  type TEXT NOT NULL,
  subject TEXT NOT NULL,
  stream TEXT NOT NULL,
  at_ns INTEGER NOT NULL,
  headers TEXT NOT NULL,
  payload BLOB NOT NULL,
  size INTEGER NOT NULL
);

CREATE TABLE outbox_state (
  one INTEGER PRIMARY KEY CHECK (one = 1),
  floor INTEGER NOT NULL
);
INSERT INTO outbox_state VALUES (1, 0);

-- When each stream was made, as the server told it: another time means that the stream was lost.
CREATE TABLE outbox_streams (
  name TEXT PRIMARY KEY,
  created_ns INTEGER NOT NULL
) WITHOUT ROWID;
)sql"},
  {2, "0002_marks.sql",
   R"sql(-- The newest event known to be in the stream while it was the one noted: where it lies, and its id.
-- When the time of making changes, the stream is lost only if that event is not there.
ALTER TABLE outbox_streams ADD COLUMN mark_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox_streams ADD COLUMN mark_id TEXT NOT NULL DEFAULT '';
)sql"},
};

constexpr store::migration consumer_marks_steps[] = {
  {1, "0001_marks.sql",
   R"sql(-- Which consumer has applied which event. The oldest marks go first.
CREATE TABLE consumer_marks (
  number INTEGER PRIMARY KEY,
  consumer TEXT NOT NULL,
  id TEXT NOT NULL,
  UNIQUE (consumer, id)
);
)sql"},
};

} // namespace

const store::schema& outbox_schema() {
  static const store::schema x{"outbox", outbox_steps};
  return x;
}

const store::schema& consumer_marks_schema() {
  static const store::schema x{"consumer_marks", consumer_marks_steps};
  return x;
}

} // namespace coppice::events
