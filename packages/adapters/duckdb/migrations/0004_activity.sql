-- Who was active when, derived from events: src/activity. Users are numbered densely in each project, from 0.
CREATE TABLE activity_users (
  project_id VARCHAR NOT NULL,
  user_id VARCHAR NOT NULL,
  number INTEGER NOT NULL
);

-- One for each event type of each project.
CREATE TABLE activity_series (
  number INTEGER NOT NULL,
  project_id VARCHAR NOT NULL,
  event_type VARCHAR NOT NULL
);

-- A user, as named in the events, with at least one event of the series in the quarter hour (since 1970 UTC). A row may repeat.
CREATE TABLE activity (
  series INTEGER NOT NULL,
  quarter INTEGER NOT NULL,
  user_number INTEGER NOT NULL
);

-- One row. pending_from: events from that instant on (UTC microseconds) are still to be recorded; null when all are.
-- trusted: false once an answer was found to differ from the events'.
CREATE TABLE activity_state (
  pending_from BIGINT,
  trusted BOOLEAN NOT NULL
);

INSERT INTO activity_state SELECT epoch_us(MIN(occurred_at)), true FROM events;
