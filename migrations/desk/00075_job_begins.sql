-- +goose Up

-- When a scheduled job begins. Its state is 'paused' until then: the table knows no other.
ALTER TABLE jobs ADD COLUMN begins_at INTEGER;
CREATE INDEX jobs_scheduled ON jobs (begins_at) WHERE state = 'paused' AND begins_at IS NOT NULL;
