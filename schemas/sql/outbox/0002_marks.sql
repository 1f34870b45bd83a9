-- The newest event known to be in the stream while it was the one noted: where it lies, and its id.
-- When the time of making changes, the stream is lost only if that event is not there.
ALTER TABLE outbox_streams ADD COLUMN mark_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE outbox_streams ADD COLUMN mark_id TEXT NOT NULL DEFAULT '';
