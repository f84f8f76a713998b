-- Whose events a message held: what was consumed of messages that the queue has not settled is counted by project. Unknown
-- for messages consumed before this; those are settled soon after the upgrade.
ALTER TABLE deliveries ADD COLUMN project_id text COLLATE "C";
