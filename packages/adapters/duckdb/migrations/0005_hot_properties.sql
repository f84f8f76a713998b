-- Properties that questions ask for often have a column `hot_<position>` of `events`: hot/columns.ts. Derived from events.
-- filled: every row has it, so questions may read it. dropped: nobody reads it any more; the column goes at the next start.
CREATE TABLE hot_properties (
  position INTEGER NOT NULL,
  name VARCHAR NOT NULL,
  filled BOOLEAN NOT NULL,
  dropped BOOLEAN NOT NULL
);
