-- +goose Up

-- What messages of a job failed or were skipped for, as a key that leaves out what differs between them: ids, numbers.
ALTER TABLE job_items ADD COLUMN fault TEXT NOT NULL DEFAULT '';
