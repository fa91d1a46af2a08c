-- +goose Up
-- What became of the webhooks that were received, by the hour of their receipt (times are UTC milliseconds). run names the life of the
-- program that received them; '' stands for every receiver whose books are not kept here, and for what came before there were books.
CREATE TABLE ledger (
	hour      INTEGER NOT NULL,
	source    TEXT    NOT NULL,
	run       TEXT    NOT NULL,
	received  INTEGER NOT NULL DEFAULT 0, -- answered 200
	delivered INTEGER NOT NULL DEFAULT 0, -- at the first attempt
	kept      INTEGER NOT NULL DEFAULT 0, -- as messages, by the queue or the spool
	refused   INTEGER NOT NULL DEFAULT 0, -- answered 500: the platform was told to send them again
	arrived   INTEGER NOT NULL DEFAULT 0, -- from there in this store
	repeated  INTEGER NOT NULL DEFAULT 0, -- of these, joined an earlier message of the same webhook
	PRIMARY KEY (hour, source, run)
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_open ON ledger (hour) WHERE received <> delivered + kept OR kept <> arrived;

-- Where the messages of each hour stand.
CREATE TABLE ledger_messages (
	hour    INTEGER NOT NULL,
	source  TEXT    NOT NULL,
	status  TEXT    NOT NULL,
	messages INTEGER NOT NULL,
	PRIMARY KEY (hour, source, status)
) STRICT, WITHOUT ROWID;

-- Lives of the program. One that has no end, and is not the present one, was killed: what it counted since saved_at is not known.
CREATE TABLE ledger_runs (
	run        TEXT    PRIMARY KEY,
	started_at INTEGER NOT NULL,
	saved_at   INTEGER NOT NULL,
	ended_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX ledger_runs_killed ON ledger_runs (saved_at) WHERE ended_at IS NULL;

INSERT INTO ledger_messages SELECT received_at - received_at % 3600000, source, status, count(*) FROM messages GROUP BY 1, 2, 3;
INSERT INTO ledger (hour, source, run, received, kept, arrived) SELECT hour, source, '', sum(messages), sum(messages), sum(messages) FROM ledger_messages GROUP BY 1, 2;

-- Which receipt of the webhook an arrival was, so that a message which the queue hands out twice is no second one.
ALTER TABLE arrivals ADD COLUMN receipt TEXT NOT NULL DEFAULT '';
CREATE INDEX arrivals_receipt ON arrivals (receipt) WHERE receipt <> '';

-- +goose Down
DROP INDEX arrivals_receipt;
ALTER TABLE arrivals DROP COLUMN receipt;
DROP TABLE ledger_runs;
DROP TABLE ledger_messages;
DROP TABLE ledger;
