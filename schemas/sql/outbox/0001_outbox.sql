-- Events on their way to JetStream.
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
