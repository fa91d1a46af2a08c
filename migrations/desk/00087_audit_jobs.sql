-- +goose Up

-- The job that an event is about, or that caused it: the target of the first, and the beginning of what the others say.
-- It is read from columns that the chain covers, so no one can change it alone.
ALTER TABLE audit_events ADD COLUMN job INTEGER GENERATED ALWAYS AS (
	CASE
		WHEN target_kind = 'job' THEN CAST(target AS INTEGER)
		WHEN target_kind = 'message' AND substr(after, 1, 7) = '{"job":' THEN CAST(substr(after, 8, 20) AS INTEGER)
	END
) VIRTUAL;
CREATE INDEX audit_by_job ON audit_events (job, seq) WHERE job IS NOT NULL;

-- The trail without the events of messages that jobs caused: of all, of one person, and of people.
CREATE INDEX audit_folded ON audit_events (seq) WHERE job IS NULL OR target_kind = 'job';
CREATE INDEX audit_folded_by_actor ON audit_events (by, seq)
	WHERE actor <> 'system' AND (job IS NULL OR target_kind = 'job');
CREATE INDEX audit_folded_by_people ON audit_events (seq)
	WHERE actor <> 'system' AND (job IS NULL OR target_kind = 'job');

-- The jobs that were under way at a time.
CREATE INDEX jobs_ended ON jobs (ended_at);
