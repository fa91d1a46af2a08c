-- +goose Up
-- A message is never received again once it is deleted, and never given up on. Times are UTC milliseconds.
CREATE TABLE messages (
	n             INTEGER PRIMARY KEY AUTOINCREMENT,
	queue         TEXT    NOT NULL,
	id            TEXT    NOT NULL,
	body          BLOB    NOT NULL,
	attributes    TEXT    NOT NULL,
	grp           TEXT,   -- FIFO group; NULL on a queue without order
	dedup         TEXT,
	sent_at       INTEGER NOT NULL,
	visible_at    INTEGER NOT NULL,
	receives      INTEGER NOT NULL,
	receipt       TEXT
) STRICT;
CREATE INDEX messages_order ON messages (queue, n);
CREATE INDEX messages_visible ON messages (queue, visible_at);
CREATE UNIQUE INDEX messages_receipt ON messages (receipt) WHERE receipt IS NOT NULL;
CREATE INDEX messages_group ON messages (queue, grp, n) WHERE grp IS NOT NULL;

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
DROP TABLE messages;
