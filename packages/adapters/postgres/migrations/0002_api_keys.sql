CREATE TABLE api_keys (
  hash bytea PRIMARY KEY CHECK (octet_length(hash) = 32),
  project_id text COLLATE "C" NOT NULL,
  scope text NOT NULL CHECK (scope IN ('write', 'read', 'admin')),
  prefix text NOT NULL,
  created_at bigint NOT NULL,
  revoked_at bigint
);
