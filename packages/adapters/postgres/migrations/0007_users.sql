CREATE TABLE users (
  id uuid PRIMARY KEY,
  email text COLLATE "C" NOT NULL UNIQUE,
  password text NOT NULL,
  disabled boolean NOT NULL DEFAULT false,
  generation integer NOT NULL DEFAULT 0,
  created_at bigint NOT NULL
);

CREATE TABLE user_grants (
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  project_id text COLLATE "C" NOT NULL,
  role text NOT NULL CHECK (role IN ('viewer', 'admin')),
  PRIMARY KEY (user_id, project_id)
);

-- A session is one row whatever the number of refreshes: any token of the family but the one with this hash is spent.
CREATE TABLE user_sessions (
  family bytea PRIMARY KEY CHECK (octet_length(family) = 32),
  hash bytea NOT NULL CHECK (octet_length(hash) = 32),
  user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
  generation integer NOT NULL,
  expires_at bigint NOT NULL
);
CREATE INDEX user_sessions_expiry ON user_sessions (expires_at);
CREATE INDEX user_sessions_user ON user_sessions (user_id);
