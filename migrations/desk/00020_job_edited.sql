-- +goose Up

-- Messages of a job whose latest revision was an edit when the job was made: their signatures are of other content.
ALTER TABLE jobs ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;
