-- +goose Up

-- What messages failed for: same source, destination and normalised error. The counts are added up once for each commit.
CREATE TABLE causes_with_states (
	fingerprint        TEXT    PRIMARY KEY,
	source             TEXT    NOT NULL,
	destination        TEXT    NOT NULL,
	reason             TEXT    NOT NULL, -- of one of its messages, with the status code
	status_code        INTEGER NOT NULL, -- of that message; 0 if there was no answer
	messages           INTEGER NOT NULL, -- that ever failed for it
	failed             INTEGER NOT NULL, -- now
	retrying           INTEGER NOT NULL, -- now, the replaying ones included
	first_at           INTEGER NOT NULL,
	last_at            INTEGER NOT NULL, -- of the latest failure
	counted_at         INTEGER NOT NULL, -- when failed or retrying changed last
	unedited           INTEGER NOT NULL DEFAULT 0, -- replays of messages as received, and how many were delivered
	unedited_delivered INTEGER NOT NULL DEFAULT 0,
	edited             INTEGER NOT NULL DEFAULT 0, -- replays of edited messages
	edited_delivered   INTEGER NOT NULL DEFAULT 0,
	edit_reason        TEXT    NOT NULL DEFAULT '', -- of the latest edit that was delivered
	growth             INTEGER NOT NULL DEFAULT 0, -- failures of the last hour in percent of a usual one; 0: not growing

	state              TEXT    NOT NULL DEFAULT 'new'
		CHECK (state IN ('regressed', 'new', 'open', 'claimed', 'known', 'muted', 'resolved')),
	state_at           INTEGER NOT NULL, -- when the state began
	owner              TEXT    NOT NULL DEFAULT '', -- who claimed it
	owned_until        INTEGER,
	ticket             TEXT    NOT NULL DEFAULT '', -- of a known cause: its id or link
	mute_until         INTEGER, -- the conditions that end a mute
	mute_count         INTEGER NOT NULL DEFAULT 0, -- further messages
	mute_from          INTEGER NOT NULL DEFAULT 0, -- messages when it was muted
	mute_per_hour      INTEGER NOT NULL DEFAULT 0,
	mute_delivered     INTEGER NOT NULL DEFAULT 0, -- 1: the next successful delivery to its destination
	version            INTEGER NOT NULL DEFAULT 0, -- counts the changes by people
	changed_by         TEXT    NOT NULL DEFAULT '', -- the latest of them
	changed_how        TEXT    NOT NULL DEFAULT '',
	changed_at         INTEGER,
	due_at             INTEGER, -- when its state may change by itself; NULL: not before something happens

	open    INTEGER NOT NULL AS (failed + retrying) VIRTUAL,
	urgency INTEGER NOT NULL AS (CASE
		WHEN state IN ('regressed', 'new') THEN 0
		WHEN state = 'muted' THEN 3
		WHEN state = 'resolved' THEN 4
		WHEN growth > 0 THEN 1
		ELSE 2 END) VIRTUAL
) STRICT, WITHOUT ROWID;

INSERT INTO causes_with_states (fingerprint, source, destination, reason, status_code, messages, failed, retrying,
	first_at, last_at, counted_at, unedited, unedited_delivered, edited, edited_delivered, state, state_at, due_at)
SELECT fingerprint, source, destination, reason,
	iif(reason GLOB '[1-5][0-9][0-9]' OR reason GLOB '[1-5][0-9][0-9][^0-9]*', CAST(substr(reason, 1, 3) AS INTEGER), 0),
	messages, failed, open - failed, first_at, last_at, last_at, unedited, unedited_delivered, edited, edited_delivered,
	CASE WHEN open = 0 THEN 'resolved' WHEN day_old THEN 'open' ELSE 'new' END,
	CASE WHEN open = 0 THEN last_at WHEN day_old THEN first_at + 86400000 ELSE first_at END,
	CASE WHEN open > 0 AND NOT day_old THEN first_at + 86400000 END
FROM (
	SELECT c.*, min(c.open, (SELECT count(*) FROM messages m WHERE m.fingerprint = c.fingerprint AND m.status = 'failed'))
		AS failed, c.first_at + 86400000 <= unixepoch() * 1000 AS day_old
	FROM causes c
);
DROP TABLE causes;
ALTER TABLE causes_with_states RENAME TO causes;

CREATE INDEX causes_urgency ON causes (urgency, open DESC, fingerprint);
CREATE INDEX causes_size ON causes (open DESC, fingerprint);
CREATE INDEX causes_newest ON causes (last_at DESC, fingerprint);
CREATE INDEX causes_oldest ON causes (first_at, fingerprint);
CREATE INDEX causes_growth ON causes (growth DESC, open DESC, fingerprint);
CREATE INDEX causes_state ON causes (state, source);
CREATE INDEX causes_owner ON causes (owner) WHERE owner <> '';
CREATE INDEX causes_due ON causes (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX causes_wait_for_delivery ON causes (source) WHERE mute_delivered = 1;
