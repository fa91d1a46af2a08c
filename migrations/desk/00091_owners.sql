-- +goose Up

-- In whose name jobs and rules go on: the user of a token that started one, and the token itself; 0: none. They stop
-- when the user is disabled or may no longer do it, and when the token is revoked.
ALTER TABLE jobs ADD COLUMN owner TEXT NOT NULL DEFAULT '' COLLATE NOCASE;
ALTER TABLE jobs ADD COLUMN token INTEGER NOT NULL DEFAULT 0;
UPDATE jobs SET owner = by WHERE actor = 'user';

ALTER TABLE rules ADD COLUMN owner TEXT NOT NULL DEFAULT '' COLLATE NOCASE;
ALTER TABLE rules ADD COLUMN token INTEGER NOT NULL DEFAULT 0;
UPDATE rules SET owner = by;
