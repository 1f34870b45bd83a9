-- Which consumer has applied which event. The oldest marks go first.
CREATE TABLE consumer_marks (
  number INTEGER PRIMARY KEY,
  consumer TEXT NOT NULL,
  id TEXT NOT NULL,
  UNIQUE (consumer, id)
);
