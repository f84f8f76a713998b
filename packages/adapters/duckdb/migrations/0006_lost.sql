-- Accepted events at or before the cursor that the hot store had lost before they were loaded.
ALTER TABLE counts ADD COLUMN lost BIGINT DEFAULT 0;
