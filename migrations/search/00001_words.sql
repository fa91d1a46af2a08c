-- +goose Up
-- What a search looks through: words of the error reason, the message id, the event type and the payload. It holds the words alone, each
-- with the messages that have it.
CREATE VIRTUAL TABLE message_search USING fts5 (text, content = '', contentless_delete = 1, detail = 'none', tokenize = 'unicode61');
-- The words that a search can find, in their order.
CREATE VIRTUAL TABLE search_words USING fts5vocab (message_search, instance);

-- How far in the audit trail the index stands, the link of that event, and what it was told to leave out.
CREATE TABLE indexed (
	one   INTEGER PRIMARY KEY CHECK (one = 1),
	seq   INTEGER NOT NULL,
	link  BLOB    NOT NULL,
	masks BLOB    NOT NULL
) STRICT;
INSERT INTO indexed VALUES (1, 0, x'', x'');

-- +goose Down
DROP TABLE indexed;
DROP TABLE search_words;
DROP TABLE message_search;
