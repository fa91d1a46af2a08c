package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// A store of an older version has a cause for each id in a reason. They become one with the counts of all, the links to
// them lead to it, and messages that fail anew join it.
func TestStoredCausesAreRegrouped(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	capture := func(i int) deadletter.Capture {
		c := failure(fmt.Sprintf("a-%d", i), 404, start.Add(time.Duration(i)*time.Minute))
		c.Reason = fmt.Sprintf("No such customer: cus_9sXk%dC1ZZ", i)
		c.FirstAttempt.Error = c.Reason
		return c
	}
	const old = 4
	for i := range old {
		receive(t, s, capture(i))
	}
	replay(t, s, "a-0", false, 200)
	want, err := s.TopCauses(t.Context(), "", 10)
	if err != nil || len(want) != 1 || want[0].Messages != old || want[0].Open() != old-1 {
		t.Fatalf("causes %+v, %v", want, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	olderRules(t, path)
	again, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := again.Close(); err != nil {
			t.Error(err)
		}
	})
	regroup(t, again)
	got, err := again.TopCauses(t.Context(), "", 10)
	if err != nil || len(got) != 1 {
		t.Fatalf("causes %+v, %v", got, err)
	}
	got[0].Title, got[0].Error = want[0].Title, want[0].Error // of any of its messages
	if got[0] != want[0] {
		t.Errorf("cause %+v, want %+v", got[0], want[0])
	}
	receive(t, again, capture(old))
	for _, fingerprint := range []string{want[0].Fingerprint, "old a-2"} {
		page, err := again.Messages(t.Context(), store.MessageQuery{
			Filter: store.Filter{Cause: fingerprint, Status: deadletter.Failed}, Limit: 10,
		})
		if err != nil || len(page.Items) != old {
			t.Errorf("%q leads to %d messages, %v", fingerprint, len(page.Items), err)
		}
		if c, err := again.Cause(t.Context(), fingerprint); err != nil || c.Messages != old+1 {
			t.Errorf("%q is %+v, %v", fingerprint, c, err)
		}
	}
}

// Each cause has more messages than one commit moves. Both become the same cause.
func TestLargeCausesAreRegrouped(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	const messages = 4500
	changes := make([]*deadletter.Change, messages)
	for i := range changes {
		change := deadletter.NewMessage(failure(fmt.Sprintf("a-%d", i), 404, start), policy, 0.5, start)
		changes[i] = &change
	}
	want := changes[0].After.Fingerprint
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Add(ctx, changes...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	file, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	for _, statement := range []string{
		"UPDATE cause_rules SET version = 0",
		"UPDATE messages SET fingerprint = 'old ' || (n % 2)",
		`INSERT INTO causes (fingerprint, source, destination, reason, status_code, messages, failed, retrying, first_at,
			last_at, counted_at, state_at, told_at) SELECT m.fingerprint, c.source, c.destination, c.reason, c.status_code,
			count(*), count(*), 0, c.first_at, c.last_at, c.counted_at, c.state_at, c.state_at
			FROM messages m, causes c GROUP BY m.fingerprint`,
		"DELETE FROM causes WHERE fingerprint NOT LIKE 'old %'",
	} {
		if _, err := file.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	regroup(t, s)
	if n, err := s.CountUpTo(t.Context(), store.Filter{Cause: want}, 2*messages); err != nil || n != messages {
		t.Errorf("%d messages have the cause, want %d, %v", n, messages, err)
	}
	if c, err := s.Cause(t.Context(), "old 1"); err != nil || c.Fingerprint != want || c.Messages != messages {
		t.Errorf("a link leads to %+v, %v", c, err)
	}
	if news, err := s.CauseNews(t.Context(), 10); err != nil || len(news) > 0 {
		t.Errorf("people are told of %+v, %v", news, err)
	}
}

// regroup runs the loop until it has grouped all messages anew.
func regroup(t *testing.T, s *store.Store) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := s.RunRegrouping(ctx, nil, slog.New(untilRegrouped{slog.DiscardHandler, cancel}))
	now, readErr := s.Regrouping(t.Context())
	if err != nil || readErr != nil || now.Active() || !errors.Is(context.Cause(ctx), context.Canceled) {
		t.Fatalf("regrouping: %+v, %v", now, errors.Join(err, readErr, ctx.Err()))
	}
}

// untilRegrouped is a log that ends the loop when it says that it is done.
type untilRegrouped struct {
	slog.Handler
	done func()
}

func (u untilRegrouped) Enabled(context.Context, slog.Level) bool { return true }

func (u untilRegrouped) Handle(_ context.Context, r slog.Record) error {
	if r.Message == "messages were grouped anew" {
		u.done()
	}
	return nil
}

// olderRules gives each message a cause of its own, as the rules of an older version would have.
func olderRules(t *testing.T, path string) {
	t.Helper()
	file, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	for _, statement := range []string{
		"UPDATE cause_rules SET version = 0",
		"UPDATE job_items SET fault = ''",
		`CREATE TEMP TABLE whole AS SELECT * FROM causes`,
		`DELETE FROM causes`,
		`UPDATE messages SET fingerprint = 'old ' || id`,
		`INSERT INTO causes (fingerprint, source, destination, reason, status_code, messages, failed, retrying, first_at,
			last_at, counted_at, state_at) SELECT m.fingerprint, m.source, m.destination, '404: ' || m.reason, 404, 1,
			m.status = 'failed', 0, m.received_at, m.received_at, w.counted_at, m.received_at FROM messages m, whole w`,
		`UPDATE causes SET unedited = 1, unedited_delivered = 1 WHERE fingerprint = 'old a-0'`,
	} {
		if _, err := file.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// A cause that older rules made part of another one is a cause again, once a message fails for it.
func TestMovedCauseIsACauseAgain(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	receive(t, s, failure("a-1", 422, start))
	c, err := s.Message(t.Context(), "a-1")
	if err != nil {
		t.Fatal(err)
	}
	file, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	for _, statement := range []string{
		"UPDATE causes SET fingerprint = 'other'",
		"UPDATE messages SET fingerprint = 'other'",
		"INSERT INTO moved_causes (fingerprint, moved_to) VALUES ('" + c.Fingerprint + "', 'other')",
	} {
		if _, err := file.ExecContext(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	receive(t, s, failure("a-2", 422, start))
	if again, err := s.Cause(t.Context(), c.Fingerprint); err != nil || again.Fingerprint != c.Fingerprint {
		t.Errorf("its link leads to %q, %v", again.Fingerprint, err)
	}
}
