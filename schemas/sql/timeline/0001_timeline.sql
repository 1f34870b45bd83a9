-- What happened on the node, as history shows it. Numbers grow; the oldest rows go first.
CREATE TABLE timeline (
  number INTEGER PRIMARY KEY,
  at_ns INTEGER NOT NULL,
  kind TEXT NOT NULL,
  path TEXT NOT NULL,
  text TEXT NOT NULL,
  details TEXT NOT NULL
);
