-- +goose Up
-- What a search looks through is in a file of its own, which is made of this one.
DROP TABLE search_backlog;
DROP TABLE search_words;
DROP TABLE message_search;

-- +goose Down
CREATE VIRTUAL TABLE message_search USING fts5 (text, content = '', contentless_delete = 1, detail = 'none', tokenize = 'unicode61');
CREATE VIRTUAL TABLE search_words USING fts5vocab (message_search, instance);
CREATE TABLE search_backlog (n INTEGER PRIMARY KEY) STRICT;
INSERT INTO search_backlog SELECT n FROM messages;
