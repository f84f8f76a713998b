-- What was ever appended, apart from the tables that it proves: it is still there when rows of those are gone. A row for each of
-- some connections, so that appends do not wait for one another.
CREATE TABLE accepted_totals (
  project_id text COLLATE "C" NOT NULL,
  slot integer NOT NULL,
  accepted bigint NOT NULL,
  PRIMARY KEY (project_id, slot)
) WITH (fillfactor = 50);
INSERT INTO accepted_totals (project_id, slot, accepted)
  SELECT project_id, 0, sum(accepted) FROM (
    SELECT project_id, accepted FROM segments UNION ALL SELECT project_id, accepted FROM freed
  ) AS counted GROUP BY project_id;

-- Letters that were taken off the list on request; what else is missing from it is lost. Of before this nobody knows.
ALTER TABLE dead_letter_totals ADD COLUMN purged bigint NOT NULL DEFAULT 0;
UPDATE dead_letter_totals AS known SET purged = greatest(0, known.dead - known.replayed - (
  SELECT count(*) FROM dead_letters WHERE project_id = known.project_id AND stage = known.stage
));
