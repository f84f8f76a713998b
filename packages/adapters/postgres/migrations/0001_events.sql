-- Times are UTC microseconds since 1970, as everywhere in millrace; the view at the end shows them as timestamps.
-- Identifiers sort by bytes (COLLATE "C"), so that no index depends on the machine's locale library.

-- Who was here: the key that makes appends idempotent. Apart from the events, so that freeing an event keeps its identity
-- and needs no second unique index; 100 bytes an event, index included.
CREATE TABLE identities (
  project_id text COLLATE "C" NOT NULL,
  event_id uuid NOT NULL,
  received_on date NOT NULL,
  PRIMARY KEY (project_id, event_id)
);
CREATE INDEX identities_received_on ON identities USING brin (received_on);

-- (xid, n) is the replay order: the transaction that stored the event, and its place among those of that transaction.
-- Every transaction below pg_snapshot_xmin has ended, so nothing can still appear before a cursor that stays below it.
-- properties is json, not jsonb: jsonb re-prints what it is given (1e300 becomes 301 digits, keys are sorted, of repeated
-- ones only the last stays), json keeps the accepted text and still checks it.
CREATE TABLE events (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  n integer NOT NULL,
  project_id text COLLATE "C" NOT NULL,
  event_id uuid NOT NULL,
  occurred_at bigint NOT NULL,
  user_id text NOT NULL,
  event_type text NOT NULL,
  properties json NOT NULL,
  received_at bigint NOT NULL,
  skew_micros bigint NOT NULL,
  PRIMARY KEY (xid, n)
);

-- What was accepted, in runs of one project: n in (last_n - accepted, last_n]. accepted - stored are duplicates.
CREATE TABLE segments (
  xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
  last_n integer NOT NULL,
  project_id text COLLATE "C" NOT NULL,
  accepted integer NOT NULL CHECK (accepted > 0),
  stored integer NOT NULL CHECK (stored BETWEEN 0 AND accepted),
  bytes bigint NOT NULL,
  received_at bigint NOT NULL,
  PRIMARY KEY (xid, last_n)
);

-- Which queue messages, and which events of them, were consumed: written in the append's transaction, so that a message
-- that comes again because its acknowledgement was lost is not counted again.
CREATE TABLE deliveries (
  log text COLLATE "C" NOT NULL,
  position bigint NOT NULL,
  consumed int4multirange NOT NULL,
  received_on date NOT NULL,
  PRIMARY KEY (log, position)
);
CREATE INDEX deliveries_received_on ON deliveries USING brin (received_on);

-- The sums of segments that were freed: totals never fall.
CREATE TABLE freed (
  project_id text COLLATE "C" PRIMARY KEY,
  accepted bigint NOT NULL,
  stored bigint NOT NULL
);

CREATE VIEW readable_events AS
SELECT project_id, event_id, 'epoch'::timestamptz + occurred_at * interval '1 microsecond' AS occurred_at,
  user_id, event_type, properties, 'epoch'::timestamptz + received_at * interval '1 microsecond' AS received_at,
  skew_micros * interval '1 microsecond' AS skew
FROM events;
