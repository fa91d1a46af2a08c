-- +goose Up

-- The column holds a snapshot of the delivery package, as JSON.
ALTER TABLE destinations RENAME COLUMN memory TO snapshot;
