-- +goose Up

-- The rest of long bodies. A page, the search and a list read the first part alone, which is in revisions.body; SQLite
-- would read the whole of a larger value for its beginning. A body that an earlier version stored is whole there.
CREATE TABLE body_parts (
	message INTEGER NOT NULL REFERENCES messages (n),
	number  INTEGER NOT NULL, -- of the revision
	part    INTEGER NOT NULL, -- from 1 on
	bytes   BLOB    NOT NULL,
	PRIMARY KEY (message, number, part)
) STRICT;
-- +goose StatementBegin
CREATE TRIGGER body_parts_never_change BEFORE UPDATE ON body_parts BEGIN
	SELECT RAISE(ABORT, 'a revision never changes');
END;
-- +goose StatementEnd

-- Bytes of the whole body, if body is only its first part.
ALTER TABLE revisions ADD COLUMN size INTEGER;
