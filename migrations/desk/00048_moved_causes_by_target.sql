-- +goose Up

-- A cause that is moved takes along those that were moved to it before: they are found without reading all.
CREATE INDEX moved_causes_to ON moved_causes (moved_to);
