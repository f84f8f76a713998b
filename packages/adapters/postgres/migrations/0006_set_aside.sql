-- What the warehouse refused is taken out of the order, in the transaction that writes its letter, and counts there no more:
-- neither in a load that is repeated nor in the backlog. Where it lay is kept until the cursor has passed it.
CREATE TABLE set_aside (
  xid xid8 NOT NULL,
  n integer NOT NULL,
  project_id text COLLATE "C" NOT NULL,
  -- The transaction that set it aside.
  since xid8 NOT NULL DEFAULT pg_current_xact_id(),
  PRIMARY KEY (xid, n)
);

-- So far the letter was written, and the event stayed, with its identity, until its letter was replayed.
WITH gone AS (
  DELETE FROM events USING dead_letters AS letter
  WHERE letter.stage = 'warehouse' AND letter.project_id = events.project_id AND letter.event_id = events.event_id
  RETURNING events.xid, events.n, events.project_id, events.event_id
), freed AS (
  DELETE FROM identities USING gone
  WHERE identities.project_id = gone.project_id AND identities.event_id = gone.event_id
)
INSERT INTO set_aside (xid, n, project_id) SELECT xid, n, project_id FROM gone;

-- An event is set aside once, since it is not there a second time; replayed and refused again, it is another letter.
DROP INDEX dead_letters_of_warehouse;
ALTER TABLE dead_letters DROP COLUMN replaying;
