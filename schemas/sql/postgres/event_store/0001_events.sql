-- Streams of events. `event_head` is locked by every append until it commits: so positions are given in the order of
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
