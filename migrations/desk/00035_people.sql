-- +goose Up

-- Users can be disabled. The password_hash of a user who has not chosen a password yet is ''.
ALTER TABLE users ADD COLUMN disabled INTEGER NOT NULL DEFAULT 0;
ALTER TABLE users ADD COLUMN password_at INTEGER;  -- when the password was set; NULL: unknown
ALTER TABLE users ADD COLUMN signed_in_at INTEGER; -- the latest sign-in

-- Sessions are listed by user. Those of older versions do not say whose they are, so everyone signs in again.
DELETE FROM sessions;
ALTER TABLE sessions ADD COLUMN user TEXT NOT NULL DEFAULT '' COLLATE NOCASE;
ALTER TABLE sessions ADD COLUMN opened_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN seen_at INTEGER NOT NULL DEFAULT 0; -- to within some minutes
ALTER TABLE sessions ADD COLUMN addr TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';     -- User-Agent of the browser
CREATE INDEX sessions_user ON sessions (user);

-- The link by which a user chooses a password, once, by the SHA-256 of its token.
CREATE TABLE password_links (
	user       TEXT    PRIMARY KEY COLLATE NOCASE,
	token_hash BLOB    NOT NULL UNIQUE,
	expires_at INTEGER NOT NULL
) STRICT;

-- Networks and browsers that a user has signed in from: sign-in attempts from elsewhere do not slow these down. client
-- is a network such as 2001:db8::/64, or the SHA-256 of the token in a browser's cookie.
CREATE TABLE known_clients (
	user    TEXT    NOT NULL COLLATE NOCASE,
	client  TEXT    NOT NULL,
	seen_at INTEGER NOT NULL,
	PRIMARY KEY (user, client)
) STRICT, WITHOUT ROWID;

-- version counts what may end a session, so that a running server notices what another process does.
CREATE TABLE access (
	one     INTEGER PRIMARY KEY CHECK (one = 1),
	version INTEGER NOT NULL
) STRICT;
INSERT INTO access (one, version) VALUES (1, 0);
-- +goose StatementBegin
CREATE TRIGGER access_by_user AFTER UPDATE OF role, credential, disabled ON users BEGIN
	UPDATE access SET version = version + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER access_by_removal AFTER DELETE ON users BEGIN
	UPDATE access SET version = version + 1;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER access_by_session AFTER DELETE ON sessions BEGIN
	UPDATE access SET version = version + 1;
END;
-- +goose StatementEnd
