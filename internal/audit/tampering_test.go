package audit_test

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/audit"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/server"
	"dlqdesk/internal/store"

	_ "modernc.org/sqlite"
)

var at = time.Date(2026, 3, 2, 10, 15, 5, 0, time.UTC)

// desk is a data folder whose trail has eight events. old is a copy of it from when the trail had three.
type desk struct {
	path, old string
	dir       *server.DataDir
	store     *store.Store
	checker   *store.AuditChecker
	log       *bytes.Buffer
}

// template is a data folder like that of newDesk, made once: to migrate a file takes longer than all else here.
var template struct {
	once      sync.Once
	path, old string
}

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(template.path)
	_ = os.RemoveAll(template.old)
	os.Exit(code)
}

func makeTemplate(t *testing.T) {
	t.Helper()
	var err error
	if template.path, err = os.MkdirTemp("", "dlqdesk-audit-"); err != nil {
		t.Fatal(err)
	}
	if template.old, err = os.MkdirTemp("", "dlqdesk-audit-"); err != nil {
		t.Fatal(err)
	}
	d := &desk{path: template.path, old: template.old}
	d.open(t)
	d.close(t)
	d.open(t)
	d.record(t, 3)
	if err := d.store.SaveSeal(); err != nil {
		t.Fatal(err)
	}
	copyFiles(t, d.path, d.old)
	d.record(t, 5)
	d.close(t)
}

// newDesk returns an open desk.
func newDesk(t *testing.T) *desk {
	t.Helper()
	d := closedDesk(t)
	d.open(t)
	return d
}

func closedDesk(t *testing.T) *desk {
	t.Helper()
	template.once.Do(func() { makeTemplate(t) })
	d := &desk{path: t.TempDir(), old: template.old}
	copyFiles(t, template.path, d.path)
	return d
}

func copyFiles(t *testing.T, from, to string) {
	t.Helper()
	files, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if !strings.HasSuffix(file.Name(), "-shm") {
			copyFile(t, filepath.Join(from, file.Name()), filepath.Join(to, file.Name()))
		}
	}
}

// open starts the parts of a program that look after the trail.
func (d *desk) open(t *testing.T) {
	t.Helper()
	var err error
	if d.dir, err = server.OpenDataDir(d.path); err != nil {
		t.Fatal(err)
	}
	key, err := d.dir.AuditKey()
	if err != nil {
		t.Fatal(err)
	}
	d.log = &bytes.Buffer{}
	log := slog.New(slog.NewTextHandler(d.log, nil))
	if d.store, err = store.Open(t.Context(), d.file(server.DeskFile), key, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.store.Close() })
	d.checker = store.NewAuditChecker(store.AuditCheckerDeps{
		Store: d.store, CheckKey: func() error { return d.dir.CheckAuditKey(key) },
		Now: func() time.Time { return at }, Log: log,
	})
}

func (d *desk) close(t *testing.T) {
	t.Helper()
	if err := d.store.Close(); err != nil {
		t.Error(err)
	}
}

func (d *desk) file(name string) string { return filepath.Join(d.path, name) }

func (d *desk) record(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		e := deadletter.Event{At: at.Add(time.Duration(i) * time.Second), Action: "user.sign_in", By: "anna"}
		err := d.store.Record(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
	}
}

// recordTogether records many events in one transaction.
func (d *desk) recordTogether(t *testing.T, n int) {
	t.Helper()
	err := d.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.Record(ctx, slices.Repeat([]deadletter.Event{{At: at, Action: "user.sign_in", By: "anna"}}, n)...)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (d *desk) sql(t *testing.T, statements ...string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+d.file(server.DeskFile)+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *desk) exec(t *testing.T, statement string, args ...any) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+d.file(server.DeskFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

// restore puts files of the old copy over the new ones, and removes the write-ahead log unless it is one of them.
func (d *desk) restore(t *testing.T, names ...string) {
	t.Helper()
	_ = os.Remove(d.file(server.DeskFile + "-wal"))
	for _, name := range names {
		next := d.file(name + ".new")
		copyFile(t, filepath.Join(d.old, name), next)
		if err := os.Rename(next, d.file(name)); err != nil {
			t.Fatal(err)
		}
	}
}

func (d *desk) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(d.file(name)); err != nil {
		t.Fatal(err)
	}
}

func (d *desk) write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(d.file(name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func (d *desk) folder() audit.Folder {
	return audit.Folder{Path: d.path, Now: func() time.Time { return at }, Log: slog.New(slog.DiscardHandler)}
}

func noTriggers(more ...string) []string {
	return append(
		[]string{`DROP TRIGGER audit_events_never_change`, `DROP TRIGGER audit_events_never_deleted`},
		more...)
}

// tampering is something that a person with access to the files may do, and what the program says about it.
type tampering struct {
	do      func(t *testing.T, d *desk)
	running string // said by the program that runs
	later   string // said by a start or a command; "": it cannot be noticed
	went    string // said by a start or a command after a program ran on and recorded more; "": the same as later
	quickly bool   // it is found by the check that takes no longer for a long trail
}

func tamperings() map[string]tampering {
	statements := func(list ...string) func(*testing.T, *desk) {
		return func(t *testing.T, d *desk) { t.Helper(); d.sql(t, list...) }
	}
	const removed = "events were removed, or an older database was restored"
	return map[string]tampering{
		"row changed": {
			do:      statements(noTriggers(`UPDATE audit_events SET by = 'mallory' WHERE seq = 4`)...),
			running: "event 4 of the audit trail was changed", later: "event 4 of the audit trail was changed",
		},
		"row changed and triggers made again": {
			do: func(t *testing.T, d *desk) {
				t.Helper()
				again := d.triggers(t)
				d.sql(t, append(noTriggers(`UPDATE audit_events SET at = 0 WHERE seq = 8`), again...)...)
			},
			running: "event 8 of the audit trail was changed", later: "event 8 of the audit trail was changed",
		},
		"row deleted in the middle": {
			do:      statements(noTriggers(`DELETE FROM audit_events WHERE seq = 4`)...),
			running: "event 4 of the audit trail is missing", later: "event 4 of the audit trail is missing",
		},
		"rows deleted at the end": {
			do:      statements(noTriggers(`DELETE FROM audit_events WHERE seq > 5`)...),
			running: removed, later: removed, went: "events 6 to 8 of the audit trail are missing", quickly: true,
		},
		"rows deleted at the end, head moved": {
			do: statements(noTriggers(`DELETE FROM audit_events WHERE seq > 5`,
				`UPDATE audit_head SET seq = 5, link = (SELECT link FROM audit_events WHERE seq = 5)`)...),
			running: removed, later: removed, went: "events 6 to 8 of the audit trail are missing", quickly: true,
		},
		"all rows deleted with the head": {
			do:      statements(noTriggers(`DELETE FROM audit_events`, `DELETE FROM audit_head`)...),
			running: removed, later: removed, went: "events 1 to 8 of the audit trail are missing", quickly: true,
		},
		"triggers dropped": {
			do: statements(noTriggers()...), running: "triggers", later: "triggers", quickly: true,
		},
		"trigger replaced": {
			do: statements(`DROP TRIGGER audit_events_never_change`, `CREATE TRIGGER audit_events_never_change `+
				`BEFORE UPDATE ON audit_events WHEN 0 BEGIN SELECT 1; END`),
			running: "triggers", later: "triggers", quickly: true,
		},
		"trigger added": {
			do: statements(
				`CREATE TRIGGER quiet BEFORE INSERT ON audit_events WHEN 0 BEGIN SELECT RAISE(IGNORE); END`,
			),
			running: "triggers",
			later:   "triggers",
			quickly: true,
		},
		"table dropped": {
			do:      statements(`DROP TABLE audit_events`),
			running: "the audit trail cannot be read", later: "the audit trail cannot be read", quickly: true,
		},
		"older database restored": {
			do:      func(t *testing.T, d *desk) { t.Helper(); d.restore(t, server.DeskFile) },
			running: "the database was replaced", later: removed, quickly: true,
		},
		"older database restored with its log": {
			do: func(t *testing.T, d *desk) {
				t.Helper()
				d.restore(t, server.DeskFile, server.DeskFile+"-wal")
			},
			running: "the database was replaced", later: removed, quickly: true,
		},
		"older database restored with its seal": {
			do: func(t *testing.T, d *desk) {
				t.Helper()
				d.restore(t, server.DeskFile, server.DeskFile+"-wal", store.SealFile)
			},
			running: "the database was replaced", went: removed, quickly: true,
		},
		"database removed": {
			do:      func(t *testing.T, d *desk) { t.Helper(); d.remove(t, server.DeskFile) },
			running: "the database was replaced or removed", later: removed, quickly: true,
		},
		"key swapped": {
			do:      func(t *testing.T, d *desk) { t.Helper(); d.write(t, "audit.key", strings.Repeat("x", 32)) },
			running: "the audit key was replaced", later: "no event of the audit trail was written with this audit key",
			quickly: true,
		},
		"key deleted": {
			do:      func(t *testing.T, d *desk) { t.Helper(); d.remove(t, "audit.key") },
			running: "the audit key is missing", later: "the audit key is missing", quickly: true,
		},
		"seal deleted": {
			do:      func(t *testing.T, d *desk) { t.Helper(); d.remove(t, store.SealFile) },
			running: "audit.seal is missing", later: "audit.seal is missing", quickly: true,
		},
		"seal forged with another key": {
			do: func(t *testing.T, d *desk) {
				t.Helper()
				mark := deadletter.Mark{Sequence: 3, Link: bytes.Repeat([]byte{1}, 32)}
				d.write(
					t,
					store.SealFile,
					fmt.Sprintf("%s %x\n", mark, mark.Seal([]byte("other"), deadletter.SealOfMark)),
				)
			},
			running: "audit.seal was not written with this audit key",
			later:   "audit.seal was not written with this audit key",
			quickly: true,
		},
		"seal emptied": {
			do:      func(t *testing.T, d *desk) { t.Helper(); d.write(t, store.SealFile, "") },
			running: "audit.seal was not written with this audit key",
			later:   "audit.seal was not written with this audit key",
			quickly: true,
		},
	}
}

// The running program says so, in its log as well, and so does every start and command after it, whatever it wrote
// meanwhile.
func TestTamperingIsNoticedByTheRunningProgram(t *testing.T) {
	t.Parallel()
	for name, c := range tamperings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.checker.Verify(t.Context())
			if got := d.checker.Latest(); got.Fault != "" || got.Events != 8 {
				t.Fatalf("before, it finds %+v", got)
			}
			c.do(t, d)
			if c.quickly {
				d.checker.Check(t.Context())
			} else {
				d.checker.Verify(t.Context())
			}
			if got := d.checker.Latest().Fault; !strings.Contains(got, c.running) {
				t.Errorf("it says %q, want %q", got, c.running)
			}
			d.checker.Verify(t.Context())
			d.checker.Check(t.Context())
			if got := strings.Count(d.log.String(), "the audit trail failed verification"); got < 1 || got > 2 {
				t.Errorf("the log says %s", d.log)
			}
			if name != "table dropped" {
				d.record(t, 2)
			}
			d.checker.Check(t.Context())
			d.checker.Verify(t.Context())
			if d.checker.Latest().Fault == "" {
				t.Error("after more events it says nothing")
			}
			d.close(t)
			d.expectFault(t, cmp.Or(c.went, c.later))
		})
	}
}

func TestTamperingIsNoticedAtTheNextStart(t *testing.T) {
	t.Parallel()
	for name, c := range tamperings() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := closedDesk(t)
			c.do(t, d)
			d.expectFault(t, c.later)
		})
	}
}

// expectFault starts the program, and runs the command after it, so that a start hides nothing.
func (d *desk) expectFault(t *testing.T, want string) {
	t.Helper()
	if want != server.ErrNoAuditKey.Error() {
		d.open(t)
		d.checker.Verify(t.Context())
		got, logged := d.checker.Latest().Fault, strings.Contains(d.log.String(), "the audit trail failed verification")
		if !strings.Contains(got, want) || (got != "") != (want != "") || logged != (want != "") {
			t.Errorf("at the start it says %q, want %q; the log says %s", got, want, d.log)
		}
		d.close(t)
	}
	report, err := d.folder().Verify(t.Context())
	_, isFault := errors.AsType[*store.ChainFault](err)
	switch {
	case errors.Is(err, server.ErrNoAuditKey) && want == server.ErrNoAuditKey.Error():
	case want == "" && err == nil:
	case want == "" || !isFault || !strings.Contains(err.Error(), want):
		t.Errorf("the command says %v, %+v; want %q", err, report, want)
	}
}

// triggers returns the statements that make the triggers of the trail.
func (d *desk) triggers(t *testing.T) (list []string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+d.file(server.DeskFile))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	for _, name := range []string{"audit_events_never_change", "audit_events_never_deleted"} {
		var text string
		if err := db.QueryRowContext(t.Context(), `SELECT sql FROM sqlite_schema WHERE name = ?`, name).
			Scan(&text); err != nil {
			t.Fatal(err)
		}
		list = append(list, text)
	}
	return list
}
