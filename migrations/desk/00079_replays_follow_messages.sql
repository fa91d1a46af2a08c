-- +goose Up

-- The cause that counts the item in job_causes: that of the message when the job took it up, or the one that rules gave
-- the message since. '' of items of an earlier version.
ALTER TABLE job_items ADD COLUMN cause TEXT NOT NULL DEFAULT '';

-- Replays come back with their messages, no longer with the cause that became part of another one.
UPDATE moved_causes SET cause = json_set(cause, '$.Unedited', json('{"Tried":0,"Delivered":0}'),
	'$.Edited', json('{"Tried":0,"Delivered":0}')) WHERE cause <> '';
