-- +goose Up

-- The newest messages are indexed first. These are the events at or before the position that are not in the index yet:
-- those after one number and up to another.
CREATE TABLE gaps (
	after INTEGER PRIMARY KEY,
	upto  INTEGER NOT NULL
) STRICT;
