-- +goose Up
-- What a search looks through: words of the error reason, the message id, the event type and the payload. It holds the words alone, each
-- with the letters that have it.
DROP TRIGGER letters_indexed;
DROP TRIGGER letters_reindexed;
DROP TABLE letter_texts;
CREATE VIRTUAL TABLE letter_search USING fts5 (text, content = '', contentless_delete = 1, detail = 'none', tokenize = 'unicode61');

-- Letters that are not in it yet.
CREATE TABLE search_backlog (n INTEGER PRIMARY KEY) STRICT;
INSERT INTO search_backlog SELECT n FROM letters;

-- +goose Down
DROP TABLE search_backlog;
DROP TABLE letter_search;
CREATE VIRTUAL TABLE letter_texts USING fts5 (reason, id, content = 'letters', content_rowid = 'n', detail = 'full', tokenize = 'unicode61');
INSERT INTO letter_texts (letter_texts) VALUES ('rebuild');
-- +goose StatementBegin
CREATE TRIGGER letters_indexed AFTER INSERT ON letters BEGIN
	INSERT INTO letter_texts (rowid, reason, id) VALUES (new.n, new.reason, new.id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER letters_reindexed AFTER UPDATE OF reason ON letters WHEN old.reason <> new.reason BEGIN
	INSERT INTO letter_texts (letter_texts, rowid, reason, id) VALUES ('delete', old.n, old.reason, old.id);
	INSERT INTO letter_texts (rowid, reason, id) VALUES (new.n, new.reason, new.id);
END;
-- +goose StatementEnd
