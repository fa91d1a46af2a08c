package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"

	"github.com/pressly/goose/v3"
)

// ErrNewer is the error of a file that a newer version of the program has migrated.
var ErrNewer = errors.New("this file was written by a newer dlqdesk")

// migrate applies the migrations that the file lacks. Before the first of them it copies the file beside itself, unless
// the file is new or can be made again: desk.db is copied to desk.db.before-2 before migration 2 runs. The first start
// that finds nothing to migrate removes the copy.
func migrate(ctx context.Context, db *sql.DB, o Options) error {
	provider, err := goose.NewProvider(goose.DialectSQLite3, db, o.Migrations)
	if err != nil {
		return err
	}
	have, want, err := provider.GetVersions(ctx)
	switch {
	case err != nil:
		return err
	case have > want:
		return newerError(o.Path, have, want)
	}
	if err := refuseGaps(ctx, provider, have); err != nil {
		return err
	}
	switch {
	case have == want:
		return removeCopies(o.Path, want)
	case have > 0 && !o.Disposable:
		if err := copyBefore(ctx, o, have); err != nil {
			return err
		}
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("bring it to schema %d: %w", want, err)
	}
	return nil
}

// refuseGaps fails if the file has a migration and not one before it.
func refuseGaps(ctx context.Context, provider *goose.Provider, have int64) error {
	all, err := provider.Status(ctx)
	if err != nil {
		return err
	}
	for _, m := range all {
		if m.State == goose.StatePending && m.Source.Version < have {
			return fmt.Errorf("a build between two versions of dlqdesk wrote this file: it has schema %d and not %d, "+
				"which came later. Start that build, or restore a backup", have, m.Source.Version)
		}
	}
	return nil
}

func newerError(path string, have, want int64) error {
	restore := "restore a backup from before the update"
	if copied := copyName(path, want); exists(copied) {
		restore = "restore the copy " + copied
	}
	const text = "%w (schema %d; this one knows %d). Start the newer version, or %s"
	return fmt.Errorf(text, ErrNewer, have, want, restore)
}

// copyName returns the name of the copy of a file with that schema.
func copyName(path string, version int64) string { return fmt.Sprintf("%s.before-%d", path, version+1) }

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func copyBefore(ctx context.Context, o Options, have int64) error {
	copied := copyName(o.Path, have)
	if err := removeIfExists(copied); err != nil { // of a migration that failed
		return err
	}
	if err := Backup(ctx, o.Path, copied); err != nil {
		return fmt.Errorf("copy it before the migration: %w", err)
	}
	o.Log.InfoContext(ctx, "copied a file before its migration", "file", o.Path, "copy", copied, "schema", have)
	return nil
}

func removeCopies(path string, want int64) error {
	var errs []error
	for version := range want {
		errs = append(errs, removeIfExists(copyName(path, version)))
	}
	return errors.Join(errs...)
}

func removeIfExists(path string) error {
	if err := os.Remove(path); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}
