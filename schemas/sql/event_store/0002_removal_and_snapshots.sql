-- Reading by category, type and time; snapshots; streams that lose events. Versions of a stream and positions of the store
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
