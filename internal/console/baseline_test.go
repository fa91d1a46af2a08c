package console_test

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"path/filepath"
	"testing"
	"testing/fstest"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/sqlite"
	"dlqdesk/internal/store"
	"dlqdesk/migrations"
)

// baselineRows are those of the first version: message old-1 of source genesys, whose id evt-1 arrived once more with
// the same content and twice with other content, of which one receipt got an id of its own.
const baselineRows = `
	INSERT INTO messages (n, id, source, destination, method, query, webhook_id, content_type, status, outcome,
		status_code, reason, attempts, auto_attempts, received_at, arrivals, revision, version, queue_facts, event_type,
		fingerprint, attempted_at, queue)
	VALUES (1700000000000 << 21, 'old-1', 'genesys', 'http://127.0.0.1:9090/genesys', 'POST', 'a=1', 'evt-1',
		'application/json', 'failed', 'error_response', 422, 'field id is missing', 1, 1, 1700000000000, 4, 0, 0,
		'{"queue":"dlqdesk-dlq","messageId":"m-1"}', 'order.placed', '', 1700000000000, '');
	INSERT INTO revisions (message, number, body, headers, by, reason, at)
	VALUES (1700000000000 << 21, 0, CAST('{"order":1}' AS BLOB), '{}', '', '', 1700000000000);
	INSERT INTO arrivals (message, number, at, queue_message_id, differs, headers, body, receipt_id) VALUES
		(1700000000000 << 21, 2, 1700000060000, 'm-2', 0, NULL, NULL, 'receipt-2'),
		(1700000000000 << 21, 3, 1700000120000, 'm-3', 1, '{"Authorization":["Bearer s3cret"],"X-Try":["3"]}',
			CAST('{"order":2,"customer":{"ssn":"078-05-1120"}}' AS BLOB), 'receipt-3'),
		(1700000000000 << 21, 4, 1700000180000, 'm-4', 1, '{}', CAST('{"order":3}' AS BLOB), 'old-1');
	INSERT INTO message_counts VALUES ('genesys', 'failed', 'error_response', 422, 1);
	INSERT INTO ledger (hour, source, run, received, delivered, queued, refused, arrived, repeated)
	VALUES (1699999200000, 'genesys', '', 4, 0, 4, 0, 4, 3);
	INSERT INTO ledger_messages VALUES (1699999200000, 'genesys', 'failed', 1);`

// baselineStore opens a store that the first version wrote: see baselineRows.
func baselineStore(t testing.TB) *store.Store {
	t.Helper()
	path := filepath.Join(t.TempDir(), "desk.db")
	text, err := fs.ReadFile(migrations.Desk(), "00001_baseline.sql")
	if err != nil {
		t.Fatal(err)
	}
	old, err := sqlite.Open(t.Context(), sqlite.Options{
		Path:       path,
		Migrations: fstest.MapFS{"00001_baseline.sql": {Data: text}},
		Log:        slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	err = old.Write(t.Context(), func(ctx context.Context, tx *sqlite.Tx) error {
		if _, err := tx.ExecContext(ctx, baselineRows); err != nil {
			return err
		}
		e := deadletter.Event{
			At:     time.UnixMilli(1699999200000),
			Actor:  deadletter.ActorSystem,
			By:     "system",
			Action: "user.add",
		}
		last := deadletter.Mark{Sequence: 1, Link: deadletter.ChainLink(desktest.Key(), nil, 1, e)}
		_, err := tx.ExecContext(
			ctx,
			`INSERT INTO audit_events VALUES (1, ?, ?, ?, '', ?, '', '', '', '', NULL, NULL, ?)`,
			e.At.UnixMilli(),
			e.Actor,
			e.By,
			e.Action,
			last.Link,
		)
		if err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO audit_head VALUES (1, 1, ?, ?)`, last.Link,
			last.Seal(desktest.Key(), deadletter.SealOfOldHead))
		return err
	})
	if err := errors.Join(err, old.Close()); err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(t.Context(), path, desktest.Key(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	})
	return s
}
