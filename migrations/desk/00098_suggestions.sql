-- +goose Up

-- What assistants suggest. Nothing of it is done before a person starts it.
CREATE TABLE suggestions (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	kind       TEXT    NOT NULL,             -- note, mute or job
	cause      TEXT    NOT NULL,             -- its fingerprint; '' for a job over messages of no single cause
	source     TEXT    NOT NULL,             -- of the cause
	job        INTEGER,                      -- the draft of a job
	detail     TEXT    NOT NULL,             -- a JSON object: what would be done
	why        TEXT    NOT NULL,             -- what the assistant gave as a reason
	by         TEXT    NOT NULL,             -- the token that it used, with its user
	made_at    INTEGER NOT NULL,
	expires_at INTEGER NOT NULL,
	decision   TEXT    NOT NULL DEFAULT '',  -- started or dismissed; '' while it is open
	decided_by TEXT    NOT NULL DEFAULT '',
	decided_at INTEGER
) STRICT;
CREATE UNIQUE INDEX suggestions_job ON suggestions (job) WHERE job IS NOT NULL;
CREATE INDEX suggestions_expiry ON suggestions (expires_at);
CREATE INDEX suggestions_open ON suggestions (expires_at) WHERE decided_at IS NULL;
CREATE INDEX suggestions_cause ON suggestions (cause, expires_at) WHERE decided_at IS NULL;
CREATE INDEX suggestions_by ON suggestions (by, expires_at) WHERE decided_at IS NULL;
