-- +goose Up

-- The text has tokens of fields beside its words, and marks belong to a word in all scripts. The index is made again.
DROP TABLE search_words;
DROP TABLE message_search;
CREATE VIRTUAL TABLE message_search USING fts5 (
	text, content = '', contentless_delete = 1, detail = 'none', tokenize = "unicode61 categories 'L* N* Co Mn Mc'"
);
CREATE VIRTUAL TABLE search_words USING fts5vocab (message_search, instance);
UPDATE position SET seq = 0, link = x'', masks = x'';
DELETE FROM gaps;

-- Fields that messages had, with some of their values, for a search to offer and to know by their names.
CREATE TABLE fields (
	path   TEXT    PRIMARY KEY, -- of a body, with a star for each position in a list, or header.name
	many   INTEGER NOT NULL,    -- it has more values than are listed
	seen   TEXT    NOT NULL     -- a JSON list of values
) STRICT, WITHOUT ROWID;
