ALTER TABLE api_keys ADD COLUMN origins text[] NOT NULL DEFAULT '{}';
