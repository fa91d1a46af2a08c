package sqlite_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"dlqdesk/internal/sqlite"
)

// schema returns so many migrations, of which each adds a table.
func schema(version int) fs.FS {
	files := fstest.MapFS{}
	for i := range version {
		name := fmt.Sprintf("%05d_step.sql", i+1)
		files[name] = &fstest.MapFile{
			Data: fmt.Appendf(nil, "-- +goose Up\nCREATE TABLE step_%d (n INTEGER) STRICT;", i+1),
		}
	}
	return files
}

// openClosed opens a file, writes a row if it is new, and closes it. It returns how many rows there are and the log.
func openClosed(t *testing.T, path string, migrations fs.FS) (rows int, log string) {
	t.Helper()
	var lines bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&lines, nil))
	db, err := sqlite.Open(t.Context(), sqlite.Options{Path: path, Migrations: migrations, Log: logger})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(ctx context.Context, tx *sqlite.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO step_1 SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM step_1)`)
		return err
	})
	count := db.QueryRowContext(t.Context(), `SELECT count(*) FROM step_1`).Scan(&rows)
	if err := errors.Join(err, count, db.Close()); err != nil {
		t.Fatal(err)
	}
	return rows, lines.String()
}

func copies(t *testing.T, path string) []string {
	t.Helper()
	names, err := filepath.Glob(path + ".*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestFileIsCopiedBeforeItsMigration(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	openClosed(t, path, schema(1))
	if got := copies(t, path); len(got) != 0 {
		t.Errorf("a new file was copied to %q", got)
	}
	rows, log := openClosed(t, path, schema(3))
	copied := path + ".before-2"
	if rows != 1 || !strings.Contains(log, copied) {
		t.Errorf("%d rows, and the log says %q", rows, log)
	}
	if got := copies(t, path); len(got) != 1 || got[0] != copied {
		t.Fatalf("after the migration there are the copies %q", got)
	}
	if info, err := os.Stat(copied); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy has the mode %v, %v", info.Mode(), err)
	}
	// The copy is a file of the old version.
	whole := filepath.Join(t.TempDir(), "copy.db")
	if err := os.Link(copied, whole); err != nil {
		t.Fatal(err)
	}
	if rows, _ := openClosed(t, whole, schema(1)); rows != 1 {
		t.Errorf("the copy has %d rows", rows)
	}
	openClosed(t, path, schema(3))
	if got := copies(t, path); len(got) != 0 {
		t.Errorf("after the next start there are the copies %q", got)
	}
}

func TestFailedMigrationKeepsTheCopy(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	openClosed(t, path, schema(1))
	broken := fstest.MapFS{"00002_broken.sql": {Data: []byte("-- +goose Up\nCREATE TABLE step_1 (n INTEGER);")}}
	for name, file := range schema(1).(fstest.MapFS) {
		broken[name] = file
	}
	for range 2 { // a second try makes a copy of its own
		_, err := sqlite.Open(
			t.Context(), sqlite.Options{Path: path, Migrations: broken, Log: slog.New(slog.DiscardHandler)},
		)
		if err == nil {
			t.Fatal("a broken migration succeeded")
		}
		if got := copies(t, path); len(got) != 1 {
			t.Errorf("there are the copies %q", got)
		}
	}
	if rows, _ := openClosed(t, path, schema(1)); rows != 1 {
		t.Errorf("the file has %d rows", rows)
	}
}

func TestFileOfNewerVersionIsRefusedAndUntouched(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	openClosed(t, path, schema(2))
	for _, test := range []struct{ name, advice string }{
		{"with a copy", "restore the copy " + path + ".before-3"},
		{"without a copy", "restore a backup from before the update"},
	} {
		t.Run(test.name, func(t *testing.T) {
			openClosed(t, path, schema(7)) // the second time removes the copy
			before := digest(t, path)
			_, err := sqlite.Open(
				t.Context(),
				sqlite.Options{Path: path, Migrations: schema(2), Log: slog.New(slog.DiscardHandler)},
			)
			want := "this file was written by a newer dlqdesk (schema 7; this one knows 2). " +
				"Start the newer version, or "
			if !errors.Is(err, sqlite.ErrNewer) || !strings.Contains(err.Error(), want+test.advice) {
				t.Errorf("it returns %v, want %s", err, want+test.advice)
			}
			if digest(t, path) != before {
				t.Error("the file was changed")
			}
		})
	}
}

func digest(t *testing.T, path string) [32]byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(content)
}

// A build that had migration 3 before 2 was written leaves a file that is at the newest schema and lacks a table.
func TestFileThatLacksAnEarlierMigrationIsRefusedAndUntouched(t *testing.T) {
	t.Parallel()
	between := schema(3).(fstest.MapFS)
	delete(between, "00002_step.sql")
	for _, knows := range []int{3, 4} {
		path := filepath.Join(t.TempDir(), "desk.db")
		openClosed(t, path, between)
		before := digest(t, path)
		_, err := sqlite.Open(
			t.Context(), sqlite.Options{Path: path, Migrations: schema(knows), Log: slog.New(slog.DiscardHandler)},
		)
		if err == nil || !strings.Contains(err.Error(), "it has schema 3 and not 2") {
			t.Errorf("with %d migrations it returns %v", knows, err)
		}
		if digest(t, path) != before {
			t.Errorf("with %d migrations the file was changed", knows)
		}
	}
}
