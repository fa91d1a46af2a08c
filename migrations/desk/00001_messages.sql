-- +goose Up
-- n is the moment of receipt in milliseconds << 21 | a sequence number: rows stand in the order in which webhooks were
-- received, and every list pages by it. Times are UTC milliseconds.
CREATE TABLE messages (
	n               INTEGER PRIMARY KEY,
	id              TEXT    NOT NULL UNIQUE,
	source          TEXT    NOT NULL,
	destination     TEXT    NOT NULL,
	method          TEXT    NOT NULL,
	query           TEXT    NOT NULL,
	webhook_id      TEXT    NOT NULL,
	content_type    TEXT    NOT NULL,
	status          TEXT    NOT NULL CHECK (status IN ('retrying', 'failed', 'replaying', 'resolved', 'redriven', 'archived')),
	outcome         TEXT    NOT NULL,
	status_code     INTEGER NOT NULL,
	reason          TEXT    NOT NULL,
	attempts        INTEGER NOT NULL,
	auto_attempts   INTEGER NOT NULL,
	received_at     INTEGER NOT NULL,
	last_attempt_at INTEGER,
	due_at          INTEGER,
	arrivals        INTEGER NOT NULL,
	revision        INTEGER NOT NULL,
	version         INTEGER NOT NULL,
	order_trigger   TEXT,
	order_by        TEXT,
	order_revision  INTEGER,
	order_at        INTEGER,
	lease_token     TEXT,
	lease_until     INTEGER,
	last_by         TEXT,
	last_action     TEXT,
	last_at         INTEGER,
	queue           TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX messages_webhook ON messages (source, webhook_id);
CREATE INDEX messages_status ON messages (status, n);
CREATE INDEX messages_source ON messages (source, status, n);
CREATE INDEX messages_code ON messages (status_code, status, n);
CREATE INDEX messages_outcome ON messages (outcome, status, n);
CREATE INDEX messages_due ON messages (source, due_at) WHERE due_at IS NOT NULL;
CREATE INDEX messages_leased ON messages (lease_until) WHERE lease_token IS NOT NULL;

-- Counts are kept, not counted: the desk's tabs cost the same with ten messages and with ten million.
CREATE TABLE message_counts (
	source      TEXT    NOT NULL,
	status      TEXT    NOT NULL,
	outcome     TEXT    NOT NULL,
	status_code INTEGER NOT NULL,
	messages     INTEGER NOT NULL,
	PRIMARY KEY (source, status, outcome, status_code)
) STRICT, WITHOUT ROWID;

-- +goose StatementBegin
CREATE TRIGGER messages_counted AFTER INSERT ON messages BEGIN
	INSERT INTO message_counts VALUES (new.source, new.status, new.outcome, new.status_code, 1)
	ON CONFLICT DO UPDATE SET messages = messages + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER messages_recounted AFTER UPDATE OF source, status, outcome, status_code ON messages
WHEN (old.source, old.status, old.outcome, old.status_code) IS NOT (new.source, new.status, new.outcome, new.status_code) BEGIN
	UPDATE message_counts SET messages = messages - 1
	WHERE source = old.source AND status = old.status AND outcome = old.outcome AND status_code = old.status_code;
	INSERT INTO message_counts VALUES (new.source, new.status, new.outcome, new.status_code, 1)
	ON CONFLICT DO UPDATE SET messages = messages + 1;
END;
-- +goose StatementEnd

-- The text that a quick search looks through: words of the error reason and of the message id.
CREATE VIRTUAL TABLE message_texts USING fts5 (reason, id, content = 'messages', content_rowid = 'n', detail = 'full', tokenize = 'unicode61');
-- +goose StatementBegin
CREATE TRIGGER messages_indexed AFTER INSERT ON messages BEGIN
	INSERT INTO message_texts (rowid, reason, id) VALUES (new.n, new.reason, new.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER messages_reindexed AFTER UPDATE OF reason ON messages WHEN old.reason <> new.reason BEGIN
	INSERT INTO message_texts (message_texts, rowid, reason, id) VALUES ('delete', old.n, old.reason, old.id);
	INSERT INTO message_texts (rowid, reason, id) VALUES (new.n, new.reason, new.id);
END;
-- +goose StatementEnd

CREATE TABLE revisions (
	message  INTEGER NOT NULL REFERENCES messages (n),
	number  INTEGER NOT NULL,
	body    BLOB    NOT NULL,
	headers TEXT    NOT NULL,
	by      TEXT    NOT NULL,
	reason  TEXT    NOT NULL,
	at      INTEGER NOT NULL,
	PRIMARY KEY (message, number)
) STRICT;
-- +goose StatementBegin
CREATE TRIGGER revisions_stay BEFORE UPDATE ON revisions BEGIN
	SELECT RAISE(ABORT, 'a revision never changes');
END;
-- +goose StatementEnd

CREATE TABLE attempts (
	message           INTEGER NOT NULL REFERENCES messages (n),
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
	response_headers TEXT    NOT NULL,
	response_body    BLOB    NOT NULL,
	response_cut     INTEGER NOT NULL,
	retry_after_ms   INTEGER NOT NULL,
	trace_parent     TEXT    NOT NULL,
	PRIMARY KEY (message, number)
) STRICT;

CREATE TABLE arrivals (
	message     INTEGER NOT NULL REFERENCES messages (n),
	number     INTEGER NOT NULL,
	at         INTEGER NOT NULL,
	queue_message_id TEXT    NOT NULL,
	differs    INTEGER NOT NULL,
	headers    TEXT,
	body       BLOB,
	PRIMARY KEY (message, number)
) STRICT;

-- +goose Down
DROP TABLE arrivals;
DROP TABLE attempts;
DROP TABLE revisions;
DROP TABLE message_texts;
DROP TABLE message_counts;
DROP TABLE messages;
