-- +goose Up

-- The shape of delivered webhooks by source and event type: a sample. A shape was made by the masks with this name; by
-- others it is not shown, and deleted.
CREATE TABLE shapes (
	source     TEXT    NOT NULL,
	event_type TEXT    NOT NULL, -- '': the webhook names none, or the source has too many types
	masks      TEXT    NOT NULL,
	bodies     INTEGER NOT NULL, -- in the sample
	at         INTEGER NOT NULL, -- of the latest
	shape      TEXT    NOT NULL, -- JSON of the payload package
	PRIMARY KEY (source, event_type)
) STRICT, WITHOUT ROWID;
