-- +goose Up

-- Programs that ask a person for a token, for a few minutes: see web/docs/cli.md#login. The secret by which a program
-- takes its token is stored as its SHA-256.
CREATE TABLE token_requests (
	id          INTEGER PRIMARY KEY AUTOINCREMENT,
	secret_hash BLOB    NOT NULL UNIQUE,
	code        TEXT    NOT NULL UNIQUE,   -- that a person enters
	name        TEXT    NOT NULL,          -- of the token
	addr        TEXT    NOT NULL,          -- that the request came from
	state       TEXT    NOT NULL,          -- waiting, granted, refused, taken
	decided_by  TEXT    NOT NULL,
	role        TEXT    NOT NULL,          -- that was granted
	days        INTEGER NOT NULL,
	created_at  INTEGER NOT NULL,
	expires_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX token_requests_expires ON token_requests (expires_at);
