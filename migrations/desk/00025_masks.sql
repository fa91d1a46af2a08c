-- +goose Up

-- The masks that are in force: a digest of their rules, and since when. Texts that were stored before may have values
-- that are masked now.
CREATE TABLE mask_rules (
	one    INTEGER PRIMARY KEY CHECK (one = 1),
	digest BLOB    NOT NULL,
	since  INTEGER NOT NULL
) STRICT;
