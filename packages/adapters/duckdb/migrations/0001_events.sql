-- No primary key: an ART index makes loading many times slower. Identity is kept by load.ts's anti-join.
CREATE TABLE events (
  project_id VARCHAR NOT NULL,
  event_id UUID NOT NULL,
  occurred_at TIMESTAMP NOT NULL,
  user_id VARCHAR NOT NULL,
  event_type VARCHAR NOT NULL,
  properties JSON NOT NULL,
  received_at TIMESTAMP NOT NULL,
  skew_micros BIGINT NOT NULL
);

-- Accepted events at or before the watermark's cursor, erased ones included: neither number ever falls.
CREATE TABLE counts (
  project_id VARCHAR PRIMARY KEY,
  stored BIGINT NOT NULL,
  duplicates BIGINT NOT NULL
);

-- One row; as_of in UTC microseconds.
CREATE TABLE watermark (
  cursor VARCHAR NOT NULL,
  as_of BIGINT NOT NULL
);

INSERT INTO watermark VALUES ('', 0);
