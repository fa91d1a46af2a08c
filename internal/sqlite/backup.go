package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
)

// Backup copies a file as it is at one moment, while others read and write it. The copy gets its name once it is
// complete and verified; a file of that name must not exist yet.
func Backup(ctx context.Context, from, to string) error {
	unfinished := to + ".unfinished"
	// SQLite fills an empty file that exists: so the copy is readable to its owner alone from the first byte on.
	f, err := os.OpenFile(unfinished, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return fmt.Errorf("make the copy: %w", err)
	}
	err = copyInto(ctx, from, unfinished)
	if err == nil {
		err = checkPages(ctx, unfinished)
	}
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Link(unfinished, to) // never over another file
	}
	if err = errors.Join(err, os.Remove(unfinished)); err != nil {
		return fmt.Errorf("copy %s: %w", from, err)
	}
	return nil
}

func copyInto(ctx context.Context, from, to string) error {
	return withFile(from, func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, `VACUUM INTO ?`, to)
		return err
	})
}

// checkPages reads every page of a file.
func checkPages(ctx context.Context, path string) error {
	return withFile(path, func(db *sql.DB) error {
		var found string
		if err := db.QueryRowContext(ctx, `PRAGMA quick_check(1)`).Scan(&found); err != nil {
			return err
		}
		if found != "ok" {
			return fmt.Errorf("the copy is damaged: %s", found)
		}
		return nil
	})
}

// withFile opens a file for reading, without the migrations that it may lack.
func withFile(path string, do func(db *sql.DB) error) error {
	db, err := sql.Open("sqlite", fileURL(path, url.Values{"mode": {"ro"}, "_pragma": {busyTimeout}}))
	if err != nil {
		return err
	}
	return errors.Join(do(db), db.Close())
}

// BackupFiles is Backup of several files of a folder into another, in this order. If it fails, no copy remains.
func BackupFiles(ctx context.Context, from, to string, names []string) error {
	for i, name := range names {
		if err := Backup(ctx, filepath.Join(from, name), filepath.Join(to, name)); err != nil {
			for _, copied := range names[:i] {
				_ = os.Remove(filepath.Join(to, copied)) // the error of the backup says more
			}
			return err
		}
	}
	return nil
}
