-- What `$identify` events have merged, in the order of loading: one row an anonymous id. Derived from events: identities.ts.
CREATE TABLE identities (
  project_id VARCHAR NOT NULL,
  anonymous_id VARCHAR NOT NULL,
  user_id VARCHAR NOT NULL
);

-- Whoever was named as a known user: never merged into another.
CREATE TABLE known_users (
  project_id VARCHAR NOT NULL,
  user_id VARCHAR NOT NULL
);

-- Merges that were refused for that reason.
CREATE TABLE refused_merges (
  project_id VARCHAR PRIMARY KEY,
  merges BIGINT NOT NULL
);
