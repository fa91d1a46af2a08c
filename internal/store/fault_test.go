package store_test

import (
	"context"
	"database/sql"
	"errors"
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

func TestWriteToALockedFileTimesOut(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	release := lock(t, path)
	begun := false
	hurried, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	never := func(context.Context, *store.Tx) error { begun = true; return nil }
	if err := s.Write(hurried, never); !errors.Is(err, context.DeadlineExceeded) ||
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
