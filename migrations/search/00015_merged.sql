-- +goose Up

-- Up to which event the segments of the index were merged into one.
ALTER TABLE position ADD COLUMN merged INTEGER NOT NULL DEFAULT 0;
