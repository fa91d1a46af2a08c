-- +goose Up

-- What a job does with a message if newer ones about the same thing were delivered, or older ones failed.
ALTER TABLE jobs ADD COLUMN in_order TEXT NOT NULL DEFAULT '';
ALTER TABLE jobs ADD COLUMN overtaken INTEGER NOT NULL DEFAULT 0; -- messages that newer ones had overtaken when it was made

-- The order key of the message, for a job that delivers. behind: an older message of that key has no result yet.
ALTER TABLE job_items ADD COLUMN order_key INTEGER;
ALTER TABLE job_items ADD COLUMN behind INTEGER NOT NULL DEFAULT 0;
CREATE INDEX job_items_order ON job_items (job, order_key, message) WHERE order_key IS NOT NULL;
DROP INDEX job_items_pending;
CREATE INDEX job_items_pending ON job_items (job, source, message) WHERE state = 'pending' AND behind = 0;
