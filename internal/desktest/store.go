package desktest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"testing"

	"dlqdesk/internal/queue"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// Key is the audit key of test stores.
func Key() []byte { return bytes.Repeat([]byte{7}, 32) }

// NewStore opens a store on a real file that goes with the test. No search finds its messages before Search is called.
func NewStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), filepath.Join(t.TempDir(), "desk.db"), Key(), slog.New(slog.DiscardHandler))
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

// Search has the messages of a store found until the test ends, or until the answer is called.
func Search(t testing.TB, s *store.Store, masks *redact.Masks) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.RunIndex(ctx, Always(masks), nil); err != nil {
			t.Errorf("make messages searchable: %v", err)
		}
	}()
	stop = func() {
		cancel()
		<-done
	}
	t.Cleanup(stop)
	return stop
}

// UndeletableQueue is a queue that deletes nothing while Failing: ingested messages come again.
type UndeletableQueue struct {
	*queue.Embedded
	Failing bool
}

// Delete deletes the messages, or shows them again and returns an error for each.
func (q *UndeletableQueue) Delete(ctx context.Context, messages []queue.Message) []error {
	if !q.Failing {
		return q.Embedded.Delete(ctx, messages)
	}
	errs := q.Release(ctx, messages)
	for i := range errs {
		errs[i] = errors.New("the queue is away")
	}
	return errs
}

// Masks returns the masks of one source.
func Masks(source string, o redact.Options) *redact.Masks {
	return redact.NewMasks(map[string]*redact.Rules{source: redact.New(o)}, nil)
}

// NoMasks returns no masks: what is secret by default alone is masked.
func NoMasks() *redact.Masks { return nil }
