-- What could not be delivered or handled. Letters are numbered in the order in which they came.
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
