package store_test

import (
	"database/sql"
	"fmt"
	"io/fs"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
	"dlqdesk/internal/store"
	"dlqdesk/migrations"
)

// migrationsBefore returns the migrations of an older version.
func migrationsBefore(t *testing.T, number string) fs.FS {
	t.Helper()
	files := fstest.MapFS{}
	names, err := fs.Glob(migrations.Desk(), "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if name >= number {
			continue
		}
		text, err := fs.ReadFile(migrations.Desk(), name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = &fstest.MapFile{Data: text}
	}
	return files
}

// A store of the version before has causes without states: they follow from its messages.
func TestCausesOfAnOlderVersionGetStates(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	old, err := sqlite.Open(t.Context(), sqlite.Options{
		Path: path, Migrations: migrationsBefore(t, "00050"), Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Millisecond)
	hourAgo, weekAgo := now.Add(-time.Hour), now.Add(-7*24*time.Hour)
	fillOlder(t, path, []olderCause{
		{"fresh", "422: field id is missing", hourAgo, 2, 1, 1},
		{"aged", "no answer within 10s", weekAgo, 1, 0, 0},
		{"done", "503", hourAgo, 0, 0, 2},
	})
	s, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	type shown struct {
		state            deadletter.CauseState
		at               time.Time
		code             int
		failed, retrying int
		due              time.Time
	}
	for name, want := range map[string]shown{
		"fresh": {deadletter.CauseNew, hourAgo, 422, 2, 1, hourAgo.Add(24 * time.Hour)},
		"aged":  {deadletter.CauseOpen, weekAgo.Add(24 * time.Hour), 0, 1, 0, time.Time{}},
		"done":  {deadletter.CauseResolved, hourAgo, 503, 0, 0, time.Time{}},
	} {
		c, err := s.Cause(t.Context(), name)
		if got := (shown{c.State, c.StateAt, c.StatusCode, c.Failed, c.Retrying, c.DueAt()}); got != want ||
			err != nil {
			t.Errorf("%s is %+v, want %+v, %v", name, got, want, err)
		}
	}
	if due, err := s.DueCauses(t.Context(), now, 10); err != nil || len(due) != 0 {
		t.Errorf("%d causes change at once, %v", len(due), err)
	}
	hours, err := s.CauseHours(t.Context(), []string{"fresh", "aged"}, weekAgo)
	failed, recovered := 0, 0
	for _, h := range hours["fresh"] {
		failed, recovered = failed+h.Failed, recovered+h.Recovered
	}
	if failed != 4 || recovered != 1 || len(hours["aged"]) != 0 || err != nil {
		t.Errorf("hours %v, %v", hours, err)
	}
}

// olderCause is a cause with its messages.
type olderCause struct {
	fingerprint, reason         string
	at                          time.Time
	failed, retrying, delivered int
}

func fillOlder(t *testing.T, path string, list []olderCause) {
	t.Helper()
	file, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	do := func(query string, args ...any) {
		if _, err := file.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatalf("%s: %v", query, err)
		}
	}
	n := int64(0)
	for _, c := range list {
		do(`INSERT INTO causes (fingerprint, source, destination, reason, messages, open, first_at, last_at)
			VALUES (?, 'genesys', '', ?, ?, ?, ?, ?)`, c.fingerprint, c.reason, c.failed+c.retrying+c.delivered,
			c.failed+c.retrying, c.at.UnixMilli(), c.at.UnixMilli())
		for status, messages := range map[string]int{
			"failed": c.failed, "retrying": c.retrying, "resolved": c.delivered,
		} {
			for range messages {
				n++
				do(`INSERT INTO messages (n, id, source, destination, method, query, webhook_id, content_type, status,
					outcome, status_code, reason, attempts, auto_attempts, received_at, arrivals, revision, version,
					queue_facts, event_type, fingerprint, attempted_at, queue)
					VALUES (?1, ?2, 'genesys', '', 'POST', '', ?2, '', ?3, '', 0, '', 1, 1, ?4, 1, 0, 0, '{}', '', ?5, ?4, '')`,
					c.at.UnixMilli()<<21+n, fmt.Sprint("a-", n), status, c.at.UnixMilli(), c.fingerprint)
			}
		}
	}
}
