-- +goose Up

-- Tokens of the API, by the SHA-256 of their secret, which is stored nowhere.
CREATE TABLE tokens (
	id         INTEGER PRIMARY KEY AUTOINCREMENT,
	hash       BLOB    NOT NULL UNIQUE,
	hint       TEXT    NOT NULL,                 -- the beginning of the secret
	name       TEXT    NOT NULL,
	owner      TEXT    NOT NULL COLLATE NOCASE,  -- a user; '' for a machine
	role       TEXT    NOT NULL,
	sources    TEXT    NOT NULL,                 -- a JSON list; [] for all
	made_by    TEXT    NOT NULL,
	created_at INTEGER NOT NULL,
	expires_at INTEGER,                          -- NULL: never
	used_at    INTEGER,                          -- to within a minute
	revoked_at INTEGER
) STRICT;
CREATE INDEX tokens_owner ON tokens (owner, id);

-- What requests with an Idempotency-Key were answered, for a day: a repetition gets the same answer.
CREATE TABLE api_answers (
	token   INTEGER NOT NULL,
	key     TEXT    NOT NULL,
	request BLOB    NOT NULL,   -- SHA-256 of the method, the path and the body
	at      INTEGER NOT NULL,
	status  INTEGER NOT NULL,   -- 0 while it is being worked on
	headers TEXT    NOT NULL,   -- a JSON object
	body    BLOB    NOT NULL,
	PRIMARY KEY (token, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX api_answers_at ON api_answers (at);
