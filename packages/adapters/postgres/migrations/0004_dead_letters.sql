-- Of the direct profile, where no queue keeps them. `batch` is one event as the batch codec writes it: bytes, since a
-- column of the event's own types may be what refused it.
CREATE TABLE dead_letters (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  project_id text COLLATE "C" NOT NULL,
  event_id uuid NOT NULL,
  batch bytea NOT NULL,
  stage text NOT NULL CHECK (stage IN ('queue', 'store', 'warehouse')),
  code text NOT NULL,
  message text NOT NULL,
  attempts integer NOT NULL,
  failed_at bigint NOT NULL,
  -- Being published again: the event may fail once more before this letter is taken off, and is then another letter.
  replaying boolean NOT NULL DEFAULT false
);

-- A load that is repeated after a crash sets the same events aside once more: they are the same letters. An event that is
-- refused before it is stored was accepted once for each of its letters.
CREATE UNIQUE INDEX dead_letters_of_warehouse ON dead_letters (project_id, event_id) WHERE stage = 'warehouse' AND NOT replaying;

-- Ever set aside and ever replayed: these never fall.
CREATE TABLE dead_letter_totals (
  project_id text COLLATE "C" NOT NULL,
  stage text NOT NULL,
  dead bigint NOT NULL,
  replayed bigint NOT NULL,
  PRIMARY KEY (project_id, stage)
);
