-- The warehouse's tables, in a schema of their own: the hot store frees its events, these stay. Times are UTC microseconds
-- since 1970. Identifiers sort by bytes (COLLATE "C"), as metrics order them.

-- n is the order of loading. properties is json, not jsonb: jsonb prints anew what it is given, and a number's text says
-- whether it is an integer in digits (docs/semantics.md, "Numbers").
CREATE TABLE events (
  n bigint GENERATED ALWAYS AS IDENTITY,
  occurred_at bigint NOT NULL,
  received_at bigint NOT NULL,
  skew_micros bigint NOT NULL,
  event_id uuid NOT NULL,
  project_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  event_type text COLLATE "C" NOT NULL,
  properties json NOT NULL,
  PRIMARY KEY (project_id, event_id)
);
CREATE INDEX events_occurred_at ON events (project_id, occurred_at);
CREATE INDEX events_user_id ON events (project_id, user_id);
CREATE INDEX events_identify ON events (n) WHERE event_type = '$identify';
-- The planner's statistics are copies of what is common in a column, and outlive a user's erasure.
ALTER TABLE events ALTER COLUMN user_id SET STATISTICS 0;
ALTER TABLE events ALTER COLUMN properties SET STATISTICS 0;

-- One row. How far it was loaded, in the words of the store that fills it: every load, erasure and restart locks it.
-- id: the warehouse's own name; store: that of the store, NULL until it has one; reloading: all of it is loaded once more.
CREATE TABLE watermark (
  cursor text COLLATE "C" NOT NULL,
  as_of bigint NOT NULL,
  id text COLLATE "C" NOT NULL,
  store text COLLATE "C",
  reloading boolean NOT NULL
);
INSERT INTO watermark VALUES ('', 0, gen_random_uuid()::text, NULL, false);

-- Accepted events at or before the cursor, erased ones included: no number ever falls.
CREATE TABLE counts (
  project_id text COLLATE "C" PRIMARY KEY,
  stored bigint NOT NULL,
  duplicates bigint NOT NULL,
  lost bigint NOT NULL
);

-- What `$identify` events have merged; derived from events.
CREATE TABLE identities (
  project_id text COLLATE "C" NOT NULL,
  anonymous_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (project_id, anonymous_id)
);
CREATE INDEX identities_user_id ON identities (project_id, user_id);
ALTER TABLE identities ALTER COLUMN anonymous_id SET STATISTICS 0;
ALTER TABLE identities ALTER COLUMN user_id SET STATISTICS 0;

-- Whoever was named as a known user: never merged into another.
CREATE TABLE known_users (
  project_id text COLLATE "C" NOT NULL,
  user_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (project_id, user_id)
);
ALTER TABLE known_users ALTER COLUMN user_id SET STATISTICS 0;

-- Merges that were refused for that reason.
CREATE TABLE refused_merges (
  project_id text COLLATE "C" PRIMARY KEY,
  merges bigint NOT NULL
);

-- As the hot store has them: who was erased, by a keyed hash, and whether bytes of rows that were deleted may still lie in
-- the tables' files.
CREATE TABLE erasures (
  n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hash text COLLATE "C" NOT NULL,
  until bigint NOT NULL
);
CREATE TABLE erasure_state (
  key bytea NOT NULL,
  rewrite_due boolean NOT NULL
);
INSERT INTO erasure_state VALUES (
  sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')), false
);
