-- +goose Up

-- Whether the recipe of a dry run sees no masked value: it is that of an assistant.
ALTER TABLE dry_runs ADD COLUMN masked INTEGER NOT NULL DEFAULT 0;
