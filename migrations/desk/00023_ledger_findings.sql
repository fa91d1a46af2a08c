-- +goose Up
-- How many webhooks of an hour were found missing while the queue would still have had them: these did not expire.
CREATE TABLE ledger_missing (
	hour    INTEGER NOT NULL,
	source  TEXT    NOT NULL,
	stage   TEXT    NOT NULL,
	missing INTEGER NOT NULL,
	PRIMARY KEY (hour, source, stage)
) STRICT, WITHOUT ROWID;

-- What a person has acknowledged of an hour that does not balance. It holds for that amount and for no other.
CREATE TABLE ledger_acks (
	hour   INTEGER NOT NULL,
	source TEXT    NOT NULL,
	stage  TEXT    NOT NULL,
	kind   TEXT    NOT NULL CHECK (kind IN ('missing', 'expired', 'more')),
	amount INTEGER NOT NULL,
	by     TEXT    NOT NULL,
	note   TEXT    NOT NULL,
	at     INTEGER NOT NULL,
	PRIMARY KEY (hour, source, stage, kind)
) STRICT, WITHOUT ROWID;

-- +goose Down
DROP TABLE ledger_acks;
DROP TABLE ledger_missing;
