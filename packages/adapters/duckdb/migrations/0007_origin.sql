-- One row. The warehouse's own name; that of the store that fills it, NULL until it has one; and whether all of that store
-- is being loaded once more.
CREATE TABLE origin (
  id VARCHAR NOT NULL,
  store VARCHAR,
  reloading BOOLEAN NOT NULL
);
INSERT INTO origin VALUES (uuid()::VARCHAR, NULL, false);
