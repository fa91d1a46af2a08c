-- +goose Up

-- What messages are found by: words of the error reason, the message id, the event type and the payload. It has only
-- the words, each with the messages that contain it.
CREATE VIRTUAL TABLE message_search USING fts5 (text, content = '', contentless_delete = 1, detail = 'none', tokenize = 'unicode61');

-- The words of message_search in alphabetical order.
CREATE VIRTUAL TABLE search_words USING fts5vocab (message_search, instance);

-- The event of the audit trail up to which the index is complete, its link, and a digest of what is not indexed.
CREATE TABLE position (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	seq   INTEGER NOT NULL,
	link  BLOB    NOT NULL,
	masks BLOB    NOT NULL
) STRICT;
INSERT INTO position VALUES (1, 0, x'', x'');
