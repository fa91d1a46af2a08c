-- +goose Up

-- What people have dlqdesk do by itself with messages that fail. Not the rules that group messages: see group_rules.
CREATE TABLE rules (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	name        TEXT    NOT NULL,
	source      TEXT    NOT NULL, -- the messages of this source that fail
	fingerprint TEXT    NOT NULL, -- for this cause; '': with the code
	cause       TEXT    NOT NULL, -- of a cause, as JSON: one of its failures
	code        TEXT    NOT NULL, -- 503, 5xx or none
	action      TEXT    NOT NULL CHECK (action IN ('archive', 'replay', 'edit and replay')),
	reason      TEXT    NOT NULL, -- of an archive or an edit
	recipe      TEXT    NOT NULL, -- its language; '' is merge
	patch       TEXT    NOT NULL, -- its text
	saved_recipe  INTEGER NOT NULL, -- the saved recipe that it is, and its version; 0: none
	saved_version INTEGER NOT NULL,
	after_ms    INTEGER NOT NULL, -- how long after the failure a replay is
	times       INTEGER NOT NULL, -- how often a message is replayed at most
	per_hour    INTEGER NOT NULL, -- how many messages it acts on in an hour at most
	max_failed  INTEGER NOT NULL, -- the share of failed replays, in percent, beyond which it switches itself off
	unknown     INTEGER NOT NULL, -- 1: it replays messages that may already have been processed
	state       TEXT    NOT NULL CHECK (state IN ('shadow', 'on', 'off', 'away')),
	why         TEXT    NOT NULL, -- of a rule that is off, if dlqdesk switched it off
	by          TEXT    NOT NULL, -- in whose name it acts
	version     INTEGER NOT NULL, -- counts its changes
	created_by  TEXT    NOT NULL,
	created_at  INTEGER NOT NULL,
	last_by     TEXT    NOT NULL, -- its latest change
	last_action TEXT    NOT NULL,
	last_at     INTEGER NOT NULL
) STRICT;
CREATE INDEX rules_present ON rules (id) WHERE state <> 'away';

-- How often they were changed, so that each process notices it.
ALTER TABLE cause_rules ADD COLUMN acting INTEGER NOT NULL DEFAULT 0;
