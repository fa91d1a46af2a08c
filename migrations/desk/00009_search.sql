-- +goose Up
-- What a search looks through: words of the error reason, the message id, the event type and the payload. It holds the words alone, each
-- with the messages that have it.
DROP TRIGGER messages_indexed;
DROP TRIGGER messages_reindexed;
DROP TABLE message_texts;
CREATE VIRTUAL TABLE message_search USING fts5 (text, content = '', contentless_delete = 1, detail = 'none', tokenize = 'unicode61');

-- Messages that are not in it yet.
CREATE TABLE search_backlog (n INTEGER PRIMARY KEY) STRICT;
INSERT INTO search_backlog SELECT n FROM messages;

-- +goose Down
DROP TABLE search_backlog;
DROP TABLE message_search;
CREATE VIRTUAL TABLE message_texts USING fts5 (reason, id, content = 'messages', content_rowid = 'n', detail = 'full', tokenize = 'unicode61');
INSERT INTO message_texts (message_texts) VALUES ('rebuild');
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
