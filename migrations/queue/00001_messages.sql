-- +goose Up
-- What was sent. It never changes, so that receiving a large message writes no more than receiving a small one.
CREATE TABLE contents (
	n          INTEGER PRIMARY KEY,
	id         TEXT    NOT NULL,
	attributes TEXT    NOT NULL,
	grp        TEXT,   -- FIFO group; NULL on a queue without order
	dedup      TEXT,
	sent_at    INTEGER NOT NULL,
	body       BLOB    NOT NULL
) STRICT;

-- Where each message stands. It is gone when it was deleted and never given up on. Times are UTC milliseconds.
CREATE TABLE messages (
	n            INTEGER PRIMARY KEY AUTOINCREMENT,
	queue        TEXT    NOT NULL,
	grp          TEXT,
	hidden_until INTEGER, -- NULL while it waits to be received
	receives     INTEGER NOT NULL DEFAULT 0,
	receipt      TEXT
) STRICT;
CREATE INDEX messages_waiting ON messages (queue, n) WHERE hidden_until IS NULL;
CREATE INDEX messages_hidden ON messages (queue, hidden_until) WHERE hidden_until IS NOT NULL;
CREATE INDEX messages_group ON messages (queue, grp, n) WHERE grp IS NOT NULL;
CREATE INDEX messages_group_hidden ON messages (queue, grp) WHERE grp IS NOT NULL AND hidden_until IS NOT NULL;

-- The groups of which nothing is in flight, by their first message: no receive has to look past those that are blocked.
CREATE TABLE ready_groups (
	queue TEXT    NOT NULL,
	grp   TEXT    NOT NULL,
	first INTEGER NOT NULL,
	PRIMARY KEY (queue, grp)
) STRICT, WITHOUT ROWID;
CREATE INDEX ready_groups_order ON ready_groups (queue, first);

-- How many messages each queue has, because counting a million of them takes its time.
CREATE TABLE totals (
	queue    TEXT    PRIMARY KEY,
	messages INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What was sent lately to a FIFO queue, so that a second message of the same deduplication id is taken for the first.
CREATE TABLE sent_ids (
	queue   TEXT    NOT NULL,
	dedup   TEXT    NOT NULL,
	id      TEXT    NOT NULL,
	sent_at INTEGER NOT NULL,
	PRIMARY KEY (queue, dedup)
) STRICT, WITHOUT ROWID;
CREATE INDEX sent_ids_age ON sent_ids (queue, sent_at);

-- +goose Down
DROP TABLE sent_ids;
DROP TABLE totals;
DROP TABLE ready_groups;
DROP TABLE messages;
DROP TABLE contents;
