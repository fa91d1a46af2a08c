package queue_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/sqlite"
	"dlqdesk/migrations"
)

// The messages of a file of the first schema come from the same queues, in the same order, with what they carry; those
// that were in flight as well.
func TestFileOfTheFirstSchemaKeepsItsMessages(t *testing.T) {
	t.Parallel()
	const baseline = "00001_baseline.sql"
	schema, err := fs.ReadFile(migrations.Queue(), baseline)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "queue.db")
	db, err := sqlite.Open(t.Context(), sqlite.Options{
		Path: path, Migrations: fstest.MapFS{baseline: {Data: schema}}, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	err = db.Write(t.Context(), func(ctx context.Context, tx *sqlite.Tx) error {
		var errs []error
		for _, query := range []string{
			`INSERT INTO messages (n, queue, message_group, hidden_until) VALUES
				(3, 'q', NULL, 9e12), (4, 'q.fifo', 'b', 9e12), (5, 'q.fifo', 'a', NULL), (6, 'q', NULL, NULL),
				(9, 'q.fifo', 'b', NULL)`,
			`INSERT INTO contents (n, id, attributes, message_group, deduplication_id, sent_at, body) VALUES
				(3, 'm3', '{"a":{"Type":"String","String":"x"}}', NULL, NULL, 7000, CAST('three' AS BLOB)),
				(4, 'm4', 'null', 'b', 'd4', 7000, x'34'), (5, 'm5', 'null', 'a', 'd5', 7000, x'35'),
				(6, 'm6', 'null', NULL, NULL, 7000, x'36'), (9, 'm9', 'null', 'b', 'd9', 7000, x'39')`,
			`INSERT INTO totals VALUES ('q', 2), ('q.fifo', 3)`,
			`INSERT INTO ready_groups VALUES ('q.fifo', 'a', 5)`,
		} {
			_, err := tx.ExecContext(ctx, query)
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	if err := errors.Join(err, db.Close()); err != nil {
		t.Fatal(err)
	}
	file := openFileAt(t, path)
	for name, want := range map[string]string{"q": "m3 m6", "q.fifo": "m4 m9 m5"} {
		q := queue.NewEmbedded(file, name, 1<<20, time.Now)
		var ids []string
		for _, m := range receive(t, q, 10) {
			ids = append(ids, m.ID)
			if m.ID == "m3" && (m.Attributes["a"].String != "x" || string(m.Body) != "three") ||
				m.ID == "m9" && (m.GroupID != "b" || m.DeduplicationID != "d9") || m.SentAt.Unix() != 7 {
				t.Errorf("it came as %+v", m)
			}
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("from %s came %s, want %s", name, got, want)
		}
	}
}

func TestProbeFailsWhenAMessageDoesNotFit(t *testing.T) {
	t.Parallel()
	m := openQueueFile(t)
	for range 2 { // it leaves nothing that is in the way of the next
		if err := m.Probe(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := m.Limit(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	q, body := queue.NewEmbedded(m, "dlq", 1<<20, time.Now), bytes.Repeat([]byte("x"), 128<<10)
	if errs := q.Send(t.Context(), []queue.Outgoing{{Body: body}}); errs[0] == nil {
		t.Fatal("the file has no limit")
	}
	if err := m.Probe(t.Context()); err != nil {
		t.Errorf("there is room for a usual message: %v", err)
	}
	// The room that the probes made is used up.
	ok(t, q.Send(t.Context(), []queue.Outgoing{{Body: body[:60<<10]}}))
	if err := m.Probe(t.Context()); err == nil {
		t.Error("a full file is said to take a message")
	}
}

func TestFullFileRefusesMessagesUntilThereIsRoom(t *testing.T) {
	t.Parallel()
	m := openQueueFile(t)
	if err := m.Limit(t.Context(), 256<<10); err != nil {
		t.Fatal(err)
	}
	q := queue.NewEmbedded(m, "q", 1<<20, time.Now)
	send := func(size int) error {
		return q.Send(t.Context(), []queue.Outgoing{{Body: bytes.Repeat([]byte("x"), size)}})[0]
	}
	if err := send(1 << 20); deadletter.KindOf(err) != deadletter.Unavailable ||
		!strings.Contains(deadletter.TextOf(err), "full") {
		t.Errorf("it answers %v", err)
	}
	if err := send(10); err != nil {
		t.Errorf("what fits is refused: %v", err)
	}
}

// The room that deleted messages leave does not count as used, although the file stays as large.
func TestDeletedMessagesUseNoRoom(t *testing.T) {
	t.Parallel()
	file := openFileAt(t, filepath.Join(t.TempDir(), "queue.db"))
	q := queue.NewEmbedded(file, "q", 1<<20, time.Now)
	used := func() int64 {
		t.Helper()
		n, err := file.Used(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	before := used()
	for range 20 {
		list := []queue.Outgoing{{Body: bytes.Repeat([]byte("x"), 100_000)}}
		if err := errors.Join(q.Send(t.Context(), list)...); err != nil {
			t.Fatal(err)
		}
	}
	full := used()
	if full < before+20*100_000 {
		t.Errorf("with 2 MB %d bytes are used, without %d", full, before)
	}
	for range 20 {
		list, err := q.Receive(t.Context(), 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(q.Delete(t.Context(), list)...); err != nil {
			t.Fatal(err)
		}
		if depth, err := q.Depth(t.Context()); err != nil || depth.Total() == 0 {
			break
		}
	}
	if after := used(); after > before+100_000 {
		t.Errorf("once they are deleted %d bytes are used, and %d before", after, before)
	}
}
