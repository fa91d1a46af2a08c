-- +goose Up

-- Messages as they were sent. They never change, so receiving a large message writes no more than receiving a small one.
-- All times of this file are UTC milliseconds.
CREATE TABLE contents (
	n                INTEGER PRIMARY KEY,
	id               TEXT    NOT NULL,
	attributes       TEXT    NOT NULL, -- JSON
	message_group    TEXT,             -- NULL on a queue without order
	deduplication_id TEXT,
	sent_at          INTEGER NOT NULL,
	body             BLOB    NOT NULL
) STRICT;

-- The messages that were not deleted yet, and which of them are in flight.
CREATE TABLE messages (
	n              INTEGER PRIMARY KEY AUTOINCREMENT,
	queue          TEXT    NOT NULL,
	message_group  TEXT,
	hidden_until   INTEGER, -- NULL while it waits to be received
	receive_count  INTEGER NOT NULL DEFAULT 0,
	receipt_handle TEXT
) STRICT;
CREATE INDEX messages_visible ON messages (queue, n) WHERE hidden_until IS NULL;
CREATE INDEX messages_hidden ON messages (queue, hidden_until) WHERE hidden_until IS NOT NULL;
CREATE INDEX messages_group ON messages (queue, message_group, n) WHERE message_group IS NOT NULL;
CREATE INDEX messages_group_hidden ON messages (queue, message_group) WHERE message_group IS NOT NULL AND hidden_until IS NOT NULL;

-- Message groups of which no message is in flight, by their first one: a receive does not read past those that are
-- blocked.
CREATE TABLE ready_groups (
	queue         TEXT    NOT NULL,
	message_group TEXT    NOT NULL,
	first         INTEGER NOT NULL,
	PRIMARY KEY (queue, message_group)
) STRICT, WITHOUT ROWID;
CREATE INDEX ready_groups_order ON ready_groups (queue, first);

-- How many messages each queue has, because it takes long to count a million.
CREATE TABLE totals (
	queue    TEXT    PRIMARY KEY,
	messages INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Deduplication ids of the last five minutes on FIFO queues: a second message with one of them is dropped.
CREATE TABLE recent_deduplication_ids (
	queue            TEXT    NOT NULL,
	deduplication_id TEXT    NOT NULL,
	id               TEXT    NOT NULL, -- of the first message
	sent_at          INTEGER NOT NULL,
	PRIMARY KEY (queue, deduplication_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX recent_deduplication_ids_age ON recent_deduplication_ids (queue, sent_at);
