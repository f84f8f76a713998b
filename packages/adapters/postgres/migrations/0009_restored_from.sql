-- Of which backups this database was made: a restore that was cut short after its commit goes on from there. Not part of
-- a backup itself.
CREATE TABLE restored_from (
  backup text COLLATE "C" PRIMARY KEY,
  restored_at timestamptz NOT NULL DEFAULT now()
);
