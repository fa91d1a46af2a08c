-- +goose Up
-- Messages are numbered within their account. told is how many of them those that arrived vouch for, which may be more than were counted
-- where the run was killed; sequence is which numbers have arrived.
ALTER TABLE ledger ADD COLUMN told INTEGER NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN sequence BLOB;
DROP INDEX ledger_open;
CREATE INDEX ledger_open ON ledger (hour) WHERE received <> delivered + kept OR max(kept, told) <> arrived;

-- +goose Down
DROP INDEX ledger_open;
ALTER TABLE ledger DROP COLUMN sequence;
ALTER TABLE ledger DROP COLUMN told;
CREATE INDEX ledger_open ON ledger (hour) WHERE received <> delivered + kept OR kept <> arrived;
