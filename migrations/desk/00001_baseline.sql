-- +goose Up

-- MESSAGES

-- Webhooks and SQS messages whose delivery failed. All times of this file are UTC milliseconds.
CREATE TABLE messages (
	n                INTEGER PRIMARY KEY, -- time of receipt << 21 | sequence number: the order of every list
	id               TEXT    NOT NULL UNIQUE,
	source           TEXT    NOT NULL, -- '': the message names none
	destination      TEXT    NOT NULL,
	method           TEXT    NOT NULL,
	query            TEXT    NOT NULL,
	webhook_id       TEXT    NOT NULL,
	content_type     TEXT    NOT NULL,
	status           TEXT    NOT NULL CHECK (status IN ('retrying', 'failed', 'replaying', 'resolved', 'redriven', 'archived')),
	outcome          TEXT    NOT NULL, -- of the latest attempt, as status_code, reason and last_attempt_at
	status_code      INTEGER NOT NULL,
	reason           TEXT    NOT NULL,
	attempts         INTEGER NOT NULL,
	auto_attempts    INTEGER NOT NULL,
	received_at      INTEGER NOT NULL,
	last_attempt_at  INTEGER,
	due_at           INTEGER,          -- of the next delivery
	arrivals         INTEGER NOT NULL,
	revision         INTEGER NOT NULL, -- the latest
	version          INTEGER NOT NULL, -- counts the changes that people made
	request_trigger  TEXT,             -- the delivery that was requested, or is in flight
	request_by       TEXT,
	request_revision INTEGER,
	request_at       INTEGER,
	lease_token      TEXT,             -- of the delivery in flight
	lease_until      INTEGER,
	last_by          TEXT,             -- the latest change that a person made
	last_action      TEXT,
	last_at          INTEGER,
	queue_facts      TEXT    NOT NULL, -- JSON: what the queue said of the message
	event_type       TEXT    NOT NULL,
	fingerprint      TEXT    NOT NULL, -- of the cause
	attempted_at     INTEGER NOT NULL, -- last_attempt_at, or received_at without one: what a list is sorted by
	superseded       INTEGER NOT NULL DEFAULT 0, -- a later message of the source has the same webhook_id
	queue            TEXT    NOT NULL  -- the configured queue that it was read from; '': the program's own DLQ
) STRICT;
-- A platform may use the id of a webhook again: it stands for the latest message.
CREATE UNIQUE INDEX messages_webhook ON messages (source, webhook_id) WHERE superseded = 0;
CREATE INDEX messages_status ON messages (status, n);
CREATE INDEX messages_source ON messages (source, status, n);
CREATE INDEX messages_code ON messages (status_code, status, n);
CREATE INDEX messages_outcome ON messages (outcome, status, n);
CREATE INDEX messages_event_type ON messages (event_type, status, n);
CREATE INDEX messages_cause ON messages (fingerprint, status, n);
CREATE INDEX messages_attempted ON messages (attempted_at, n);
CREATE INDEX messages_status_attempted ON messages (status, attempted_at, n);
CREATE INDEX messages_queue ON messages (queue, status, n) WHERE queue <> '';
-- Requested deliveries are found without reading past the automatic retries that wait, and the other way round.
CREATE INDEX messages_due ON messages (source, status, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX messages_redrive ON messages (queue, due_at) WHERE queue <> '' AND due_at IS NOT NULL;
CREATE INDEX messages_leased ON messages (lease_until) WHERE lease_token IS NOT NULL;

-- Bodies and headers of messages. Number 0 is what was received; each edit adds one.
CREATE TABLE revisions (
	message       INTEGER NOT NULL REFERENCES messages (n),
	number        INTEGER NOT NULL,
	body          BLOB    NOT NULL,
	headers       TEXT    NOT NULL, -- JSON
	by            TEXT    NOT NULL,
	reason        TEXT    NOT NULL,
	at            INTEGER NOT NULL,
	queue_message BLOB,             -- the whole queue message, if body is only a part of it: a redrive sends it to the byte
	PRIMARY KEY (message, number)
) STRICT;
-- +goose StatementBegin
CREATE TRIGGER revisions_never_change BEFORE UPDATE ON revisions BEGIN
	SELECT RAISE(ABORT, 'a revision never changes');
END;
-- +goose StatementEnd

-- Deliveries of messages and what came of each. A row is written before the request is sent (done = 0).
CREATE TABLE attempts (
	message          INTEGER NOT NULL REFERENCES messages (n),
	number           INTEGER NOT NULL,
	trigger          TEXT    NOT NULL,
	actor            TEXT    NOT NULL,
	revision         INTEGER NOT NULL,
	started_at       INTEGER NOT NULL,
	done             INTEGER NOT NULL,
	latency_us       INTEGER NOT NULL,
	outcome          TEXT    NOT NULL,
	status_code      INTEGER NOT NULL,
	error            TEXT    NOT NULL,
	response_headers TEXT    NOT NULL, -- JSON
	response_body    BLOB    NOT NULL, -- its first part
	response_cut     INTEGER NOT NULL,
	retry_after_ms   INTEGER NOT NULL,
	trace_parent     TEXT    NOT NULL,
	queue_message_id TEXT    NOT NULL, -- what SQS called the message that a redrive sent
	sent_digest      TEXT    NOT NULL, -- of a redrive that could carry no mark of ours
	PRIMARY KEY (message, number)
) STRICT;
-- A message that was redriven and comes back is recognised by one of these.
CREATE INDEX attempts_queue_message ON attempts (queue_message_id) WHERE queue_message_id <> '';
CREATE INDEX attempts_digest ON attempts (sent_digest) WHERE sent_digest <> '';

-- Arrivals of the same webhook on the queue. headers and body are stored only if they differ from revision 0.
CREATE TABLE arrivals (
	message          INTEGER NOT NULL REFERENCES messages (n),
	number           INTEGER NOT NULL,
	at               INTEGER NOT NULL,
	queue_message_id TEXT    NOT NULL,
	differs          INTEGER NOT NULL,
	headers          TEXT,
	body             BLOB,
	receipt_id       TEXT    NOT NULL, -- the message id that the platform was told for this receipt of the webhook
	PRIMARY KEY (message, number)
) STRICT;
CREATE INDEX arrivals_receipt ON arrivals (receipt_id) WHERE receipt_id <> '';

-- COUNTS, which the program adds up once for each commit, so that a page costs the same with ten messages and with ten
-- million. A trigger for each message took a third of the time that the message cost.

-- Messages by the values that the list filters by.
CREATE TABLE message_counts (
	source      TEXT    NOT NULL,
	status      TEXT    NOT NULL,
	outcome     TEXT    NOT NULL,
	status_code INTEGER NOT NULL,
	messages    INTEGER NOT NULL,
	PRIMARY KEY (source, status, outcome, status_code)
) STRICT, WITHOUT ROWID;

-- Messages received and delivered, by the minute and by the hour (step, in milliseconds), for plots. Received messages
-- count at the time of receipt, deliveries at that of their audit event.
CREATE TABLE tallies (
	step      INTEGER NOT NULL CHECK (step IN (60000, 3600000)),
	at        INTEGER NOT NULL,
	source    TEXT    NOT NULL,
	failed    INTEGER NOT NULL,
	by_retry  INTEGER NOT NULL, -- delivered by an automatic retry
	by_people INTEGER NOT NULL, -- delivered because a person or an API client asked
	PRIMARY KEY (step, at, source)
) STRICT, WITHOUT ROWID;

-- Event types of messages, for a filter to offer.
CREATE TABLE event_types (
	event_type TEXT    PRIMARY KEY,
	messages   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What messages failed for: same source, destination and normalised error.
CREATE TABLE causes (
	fingerprint        TEXT    PRIMARY KEY,
	source             TEXT    NOT NULL,
	destination        TEXT    NOT NULL,
	reason             TEXT    NOT NULL, -- of one of its messages
	messages           INTEGER NOT NULL, -- that ever failed for it
	open               INTEGER NOT NULL, -- that are failed, retrying or replaying because of it
	first_at           INTEGER NOT NULL,
	last_at            INTEGER NOT NULL,
	unedited           INTEGER NOT NULL DEFAULT 0, -- replays of messages as received, and how many were delivered
	unedited_delivered INTEGER NOT NULL DEFAULT 0,
	edited             INTEGER NOT NULL DEFAULT 0, -- replays of edited messages
	edited_delivered   INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX causes_open ON causes (open DESC, fingerprint) WHERE open > 0;

-- AUDIT

-- The audit trail. link is the HMAC of the row and of the link before it; the seal in audit_head vouches for the last.
CREATE TABLE audit_events (
	seq         INTEGER PRIMARY KEY,
	at          INTEGER NOT NULL,
	actor       TEXT    NOT NULL, -- user, token or system
	by          TEXT    NOT NULL,
	addr        TEXT    NOT NULL,
	action      TEXT    NOT NULL,
	target_kind TEXT    NOT NULL,
	target      TEXT    NOT NULL,
	source      TEXT    NOT NULL,
	reason      TEXT    NOT NULL,
	before      TEXT,             -- JSON, as after
	after       TEXT,
	link        BLOB    NOT NULL
) STRICT;
CREATE INDEX audit_by_target ON audit_events (target, seq);
CREATE INDEX audit_by_action ON audit_events (action, seq);
CREATE INDEX audit_by_source ON audit_events (source, seq) WHERE source <> '';
CREATE INDEX audit_without_source ON audit_events (seq) WHERE source = '' AND target_kind = 'message';
-- Most events are the program's, so a search for these needs no index.
CREATE INDEX audit_by_actor ON audit_events (by, seq) WHERE actor <> 'system';
CREATE INDEX audit_by_people ON audit_events (seq) WHERE actor <> 'system';
-- The ends of a time range are found to within 64 events, which are then read one by one.
CREATE INDEX audit_by_time ON audit_events (at) WHERE seq % 64 = 0;
-- +goose StatementBegin
CREATE TRIGGER audit_events_never_change BEFORE UPDATE ON audit_events BEGIN
	SELECT RAISE(ABORT, 'audit events can be neither changed nor deleted');
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER audit_events_never_deleted BEFORE DELETE ON audit_events BEGIN
	SELECT RAISE(ABORT, 'audit events can be neither changed nor deleted');
END;
-- +goose StatementEnd
-- INSERT OR REPLACE deletes without running the trigger above. FAIL in place of ABORT: there is nothing to undo, so
-- SQLite need not copy each page that an event is written to.
-- +goose StatementBegin
CREATE TRIGGER audit_events_never_replaced BEFORE INSERT ON audit_events
WHEN EXISTS (SELECT 1 FROM audit_events WHERE seq = new.seq) BEGIN
	SELECT RAISE(FAIL, 'audit events can be neither changed nor deleted');
END;
-- +goose StatementEnd

-- The last event of the trail and its seal: without the key outside of this file no other end can be made.
CREATE TABLE audit_head (
	one  INTEGER PRIMARY KEY CHECK (one = 1),
	seq  INTEGER NOT NULL,
	link BLOB    NOT NULL,
	seal BLOB    NOT NULL
) STRICT;

-- JOBS

-- Bulk actions. pending to skipped count the items by their state.
CREATE TABLE jobs (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	action      TEXT    NOT NULL,
	patch       BLOB,
	reason      TEXT    NOT NULL,
	actor       TEXT    NOT NULL,
	by          TEXT    NOT NULL,
	addr        TEXT    NOT NULL,
	state       TEXT    NOT NULL CHECK (state IN ('draft', 'running', 'paused', 'done', 'cancelled')),
	pause_reason TEXT   NOT NULL, -- if the program paused it
	filter      TEXT    NOT NULL, -- for display: the messages are fixed in job_items
	undoes      INTEGER,
	pending     INTEGER NOT NULL,
	in_flight   INTEGER NOT NULL,
	done        INTEGER NOT NULL,
	failed      INTEGER NOT NULL,
	skipped     INTEGER NOT NULL,
	oldest      INTEGER,          -- time of receipt of its messages, first and last
	newest      INTEGER,
	unfit       INTEGER NOT NULL, -- messages whose status did not fit the action when the job was made
	unknown     INTEGER NOT NULL, -- messages that may have been processed already
	created_at  INTEGER NOT NULL,
	started_at  INTEGER,
	ended_at    INTEGER,
	last_by     TEXT,
	last_action TEXT,
	last_at     INTEGER,
	hidden      INTEGER NOT NULL DEFAULT 0, -- its owner has dismissed it
	test_batch  INTEGER NOT NULL DEFAULT 0, -- it pauses after so many results; 0: it does not
	rate        INTEGER NOT NULL DEFAULT 0  -- at most so many messages a second; 0: no limit
) STRICT;
CREATE INDEX jobs_running ON jobs (id) WHERE state = 'running';
CREATE INDEX jobs_draft ON jobs (created_at) WHERE state = 'draft';
CREATE INDEX jobs_started ON jobs (id) WHERE state <> 'draft';
CREATE INDEX jobs_shown ON jobs (by, id) WHERE hidden = 0 AND state <> 'draft';
CREATE UNIQUE INDEX jobs_undo ON jobs (undoes) WHERE undoes IS NOT NULL;

-- The messages of a job, each with the version that it had when the job was made.
CREATE TABLE job_items (
	job     INTEGER NOT NULL REFERENCES jobs (id),
	message INTEGER NOT NULL REFERENCES messages (n),
	source  TEXT    NOT NULL, -- of the message; the queue, if the job redrives
	version INTEGER NOT NULL,
	state   TEXT    NOT NULL CHECK (state IN ('pending', 'in_flight', 'done', 'failed', 'skipped')),
	error   TEXT    NOT NULL,
	PRIMARY KEY (job, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_items_pending ON job_items (job, source, message) WHERE state = 'pending';
-- A message has one delivery in flight at most, so it is in flight for one job at most.
CREATE UNIQUE INDEX job_items_in_flight ON job_items (message) WHERE state = 'in_flight';
CREATE INDEX job_items_failed ON job_items (job, message) WHERE state = 'failed';
CREATE INDEX job_items_skipped ON job_items (job, message) WHERE state = 'skipped';

-- Message groups of FIFO queues in which a redrive of a job failed: the later messages would overtake it.
CREATE TABLE job_stopped_groups (
	job           INTEGER NOT NULL REFERENCES jobs (id),
	queue         TEXT    NOT NULL,
	message_group TEXT    NOT NULL,
	PRIMARY KEY (job, queue, message_group)
) STRICT, WITHOUT ROWID;

-- DESTINATIONS

-- What is remembered of each source's destination across restarts, as JSON of the delivery package.
CREATE TABLE destinations (
	source TEXT PRIMARY KEY,
	memory TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- LEDGER

-- Webhooks by the hour of their receipt. run is one life of the receiving program; '' are receivers that save their
-- counts elsewhere.
CREATE TABLE ledger (
	hour      INTEGER NOT NULL,
	source    TEXT    NOT NULL,
	run       TEXT    NOT NULL,
	received  INTEGER NOT NULL,           -- answered 200
	delivered INTEGER NOT NULL,           -- at the first attempt
	queued    INTEGER NOT NULL,           -- as messages that the queue or the spool confirmed
	refused   INTEGER NOT NULL,           -- answered 500: the platform sends them again
	arrived   INTEGER NOT NULL,           -- of queued, in this store
	repeated  INTEGER NOT NULL,           -- of arrived, joined an earlier message of the same webhook
	expected  INTEGER NOT NULL DEFAULT 0, -- queued, as the numbers of arrived messages prove; more if the run was killed
	sequence  BLOB,                       -- the numbers that have arrived
	PRIMARY KEY (hour, source, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_open ON ledger (hour) WHERE received <> delivered + queued OR max(queued, expected) <> arrived;

-- Messages by hour of receipt and status.
CREATE TABLE ledger_messages (
	hour     INTEGER NOT NULL,
	source   TEXT    NOT NULL,
	status   TEXT    NOT NULL,
	messages INTEGER NOT NULL,
	PRIMARY KEY (hour, source, status)
) STRICT, WITHOUT ROWID;

-- Lives of the program. One without an end that is not the present one was killed: its counts since saved_at are lost.
CREATE TABLE ledger_runs (
	run        TEXT    PRIMARY KEY,
	started_at INTEGER NOT NULL,
	saved_at   INTEGER NOT NULL,
	ended_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_runs_killed ON ledger_runs (saved_at) WHERE ended_at IS NULL;

-- Webhooks that were missing while the queue would still have had them, so that they did not expire.
CREATE TABLE ledger_missing (
	hour    INTEGER NOT NULL,
	source  TEXT    NOT NULL,
	stage   TEXT    NOT NULL,
	missing INTEGER NOT NULL,
	PRIMARY KEY (hour, source, stage)
) STRICT, WITHOUT ROWID;

-- Imbalances that a person has acknowledged. Each holds for that amount and no other.
CREATE TABLE ledger_acknowledgements (
	hour   INTEGER NOT NULL,
	source TEXT    NOT NULL,
	stage  TEXT    NOT NULL,
	kind   TEXT    NOT NULL CHECK (kind IN ('missing', 'expired', 'more')),
	amount INTEGER NOT NULL,
	by     TEXT    NOT NULL,
	note   TEXT    NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (hour, source, stage, kind)
) STRICT, WITHOUT ROWID;

-- PEOPLE

-- Users who sign in with a password. credential counts its changes: a session of an older one is no longer valid.
CREATE TABLE users (
	name          TEXT    PRIMARY KEY COLLATE NOCASE,
	role          TEXT    NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
	password_hash TEXT    NOT NULL,
	credential    INTEGER NOT NULL,
	created_at    INTEGER NOT NULL
) STRICT;

-- Sessions, by the SHA-256 of their token: a reader of this file cannot sign in with it.
CREATE TABLE sessions (
	token_hash BLOB    PRIMARY KEY,
	data       BLOB    NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- The link that creates the first user, by the SHA-256 of its token.
CREATE TABLE setup_links (
	token_hash BLOB    PRIMARY KEY,
	created_at INTEGER NOT NULL
) STRICT;

-- Filters of the list that users saved by name. All users see those that are shared.
CREATE TABLE views (
	id     INTEGER PRIMARY KEY AUTOINCREMENT,
	owner  TEXT    NOT NULL COLLATE NOCASE,
	name   TEXT    NOT NULL COLLATE NOCASE,
	query  TEXT    NOT NULL,
	shared INTEGER NOT NULL,
	UNIQUE (owner, name)
) STRICT;
CREATE INDEX views_shared ON views (name) WHERE shared = 1;

-- Each user's layout of the list, as JSON of the console.
CREATE TABLE list_layouts (
	user   TEXT PRIMARY KEY COLLATE NOCASE,
	layout TEXT NOT NULL
) STRICT;
