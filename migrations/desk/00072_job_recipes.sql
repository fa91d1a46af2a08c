-- +goose Up

-- The language of a job's patch: merge, json-patch or jq; '' is merge.
ALTER TABLE jobs ADD COLUMN recipe TEXT NOT NULL DEFAULT '';

-- The CSV that its patch reads. Only what applies the patch reads it, since it may be large.
ALTER TABLE jobs ADD COLUMN recipe_table TEXT NOT NULL DEFAULT '';
