-- Who was erased: an HMAC-SHA-256 of project and user, never the id. `until` in UTC microseconds: of what occurred or was
-- accepted at or before it only shells are stored. An append that finds a higher `n` than it knows reads on first.
CREATE TABLE erasures (
  n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hash text COLLATE "C" NOT NULL,
  until bigint NOT NULL
);

-- One row. The key of the hashes; and whether rows were overwritten whose old versions still lie in the tables' files.
CREATE TABLE erasure_state (
  key bytea NOT NULL,
  rewrite_due boolean NOT NULL
);
INSERT INTO erasure_state VALUES (
  sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), false
);

-- The planner's statistics are copies of what is common in a column. Nothing is looked up by these columns, so none are
-- kept; a change of type drops those that are there.
DROP VIEW readable_events;
ALTER TABLE events ALTER COLUMN user_id SET STATISTICS 0;
ALTER TABLE events ALTER COLUMN user_id TYPE text;
ALTER TABLE dead_letters ALTER COLUMN batch SET STATISTICS 0;
ALTER TABLE dead_letters ALTER COLUMN batch TYPE bytea;
ALTER TABLE dead_letters ALTER COLUMN message SET STATISTICS 0;
ALTER TABLE dead_letters ALTER COLUMN message TYPE text;
CREATE VIEW readable_events AS
SELECT project_id, event_id, 'epoch'::timestamptz + occurred_at * interval '1 microsecond' AS occurred_at,
  user_id, event_type, properties, 'epoch'::timestamptz + received_at * interval '1 microsecond' AS received_at,
  skew_micros * interval '1 microsecond' AS skew
FROM events WHERE event_type <> '';
