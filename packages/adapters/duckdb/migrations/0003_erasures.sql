-- Who was erased: an HMAC-SHA-256 of project and user, never the id. `until` in UTC microseconds: what occurred or was
-- accepted at or before it is not loaded again.
CREATE TABLE erasures (
  hash VARCHAR NOT NULL,
  until BIGINT NOT NULL
);

-- One row. The key of the hashes; and whether rows were deleted whose bytes still lie in this file: a file that is copied
-- into a fresh one has none.
CREATE TABLE erasure_state (
  key BLOB NOT NULL,
  rewrite_due BOOLEAN NOT NULL
);
