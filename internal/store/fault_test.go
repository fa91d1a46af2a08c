package store_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// lock holds a file as another program would, until it is released.
func lock(t *testing.T, path string) (release func()) {
	t.Helper()
	file, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	file.SetMaxOpenConns(1)
	if _, err := file.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
		t.Fatal(err)
	}
	return func() {
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestNobodyWaitsForeverForALockedFile(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	release := lock(t, path)
	begun := false
	hurried, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	never := func(context.Context, *store.Tx) error { begun = true; return nil }
	if err := s.Write(
		hurried,
		never,
	); !errors.Is(err, context.DeadlineExceeded) ||
		deadletter.KindOf(err) != deadletter.Internal {
		t.Errorf("to who left it answers %v", err)
	}
	waited := time.Now()
	err := s.Write(t.Context(), never)
	if deadletter.KindOf(err) != deadletter.Unavailable ||
		!strings.Contains(deadletter.TextOf(err), "locked by another program") {
		t.Errorf("to who stayed it answers %v after %v", err, time.Since(waited))
	}
	if page, err := s.Messages(t.Context(), store.MessageQuery{Limit: 1}); err != nil || len(page.Items) != 0 {
		t.Errorf("it cannot be read: %v", err)
	}
	release()
	receive(t, s, failure("a-1", 422, start))
	if begun {
		t.Error("a write was done whose caller had been told that it was not")
	}
}

func TestFullFileSaysSoAndHeals(t *testing.T) {
	t.Parallel()
	m := openQueueFile(t, filepath.Join(t.TempDir(), "queue.db"))
	if err := m.Limit(t.Context(), 256<<10); err != nil {
		t.Fatal(err)
	}
	send := func(size int) error {
		_, err := m.Send(
			t.Context(),
			"q",
			[]store.QueuedMessage{{ID: "x", Body: bytes.Repeat([]byte("x"), size), Attributes: "null"}},
			start,
		)
		return err
	}
	if err := send(
		1 << 20,
	); deadletter.KindOf(err) != deadletter.Unavailable ||
		!strings.Contains(deadletter.TextOf(err), "full") {
		t.Errorf("it answers %v", err)
	}
	if err := send(10); err != nil {
		t.Errorf("what fits is refused: %v", err)
	}
}

func TestWhatADeadProcessHadInItsHandsIsShownAgain(t *testing.T) {
	t.Parallel()
	m := openQueueFile(t, filepath.Join(t.TempDir(), "queue.db"))
	for _, queue := range []string{"q", "q.fifo"} {
		take := store.Take{Queue: queue, Ordered: queue == "q.fifo", Limit: 10, Hide: time.Hour}
		receive := func() (ids string) {
			list, err := m.Receive(t.Context(), take, start)
			if err != nil {
				t.Fatal(err)
			}
			for _, message := range list {
				ids += message.ID
			}
			return ids
		}
		group := strings.TrimPrefix(queue, "q")
		if _, err := m.Send(
			t.Context(),
			queue,
			[]store.QueuedMessage{
				{ID: "1", Group: group, Attributes: "null"},
				{ID: "2", Group: group, Attributes: "null"},
			},
			start,
		); err != nil {
			t.Fatal(err)
		}
		if first, none := receive(), receive(); first != "12" || none != "" {
			t.Fatalf("first came %q, then %q", first, none)
		}
		if err := m.ShowAll(t.Context()); err != nil {
			t.Fatal(err)
		}
		if again := receive(); again != "12" {
			t.Errorf("from %s came %q again", queue, again)
		}
	}
}
