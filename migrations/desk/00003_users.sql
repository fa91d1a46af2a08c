-- +goose Up
-- credential counts the changes of a password: a session signed in with an older one is no longer valid.
CREATE TABLE users (
	name          TEXT    PRIMARY KEY COLLATE NOCASE,
	role          TEXT    NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
	password_hash TEXT    NOT NULL,
	credential    INTEGER NOT NULL,
	created_at    INTEGER NOT NULL
) STRICT;
-- Tokens are kept as their SHA-256, so that who reads the file cannot sign in with it.
CREATE TABLE sessions (
	token_hash BLOB    PRIMARY KEY,
	data       BLOB    NOT NULL,
	expires_at INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE TABLE setup_links (
	token_hash BLOB    PRIMARY KEY,
	created_at INTEGER NOT NULL
) STRICT;

-- +goose Down
DROP TABLE setup_links;
DROP TABLE sessions;
DROP TABLE users;
