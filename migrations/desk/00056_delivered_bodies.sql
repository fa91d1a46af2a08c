-- +goose Up

-- Delivered webhooks that are kept whole, to compare failed ones with: their content, masked by the masks with this name.
CREATE TABLE delivered_bodies (
	n            INTEGER PRIMARY KEY,
	source       TEXT    NOT NULL,
	event_type   TEXT    NOT NULL,
	masks        TEXT    NOT NULL,
	at           INTEGER NOT NULL,
	content_type TEXT    NOT NULL, -- of the content as it is stored
	content      BLOB    NOT NULL
) STRICT;
CREATE INDEX delivered_bodies_source ON delivered_bodies (source, event_type, n);
