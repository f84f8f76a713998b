-- One row. Names this database's events: a copy made by `millrace backup` gets another name when it is restored. And the
-- place up to which events were freed; NULL where none were, or only before this.
CREATE TABLE store_state (
  id text COLLATE "C" NOT NULL,
  freed_xid xid8,
  freed_n integer
);
INSERT INTO store_state VALUES (gen_random_uuid()::text, NULL, NULL);

-- Warehouses that were filled from here; the one with the highest epoch may go on. `loaded` is where it had come to, or was
-- about to: a warehouse that has come further was filled from a later state than this one.
CREATE TABLE warehouses (
  id text COLLATE "C" PRIMARY KEY,
  epoch bigint NOT NULL,
  loaded_xid xid8 NOT NULL,
  loaded_n integer NOT NULL,
  claimed_at timestamptz NOT NULL DEFAULT now()
);
