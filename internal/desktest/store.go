package desktest

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
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
	s, err := store.Open(t.Context(), NewStoreFile(t), Key(), slog.New(slog.DiscardHandler))
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

const storeFile = "desk.db"

// emptyStore are the files of a store without a message, by name. All migrations run once a process: under the race
// detector they take half a second.
var emptyStore = sync.OnceValues(func() (files map[string][]byte, err error) {
	dir, err := os.MkdirTemp("", "dlqdesk-test-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	ctx := context.Background()
	s, err := store.Open(ctx, filepath.Join(dir, storeFile), Key(), slog.New(slog.DiscardHandler))
	if err == nil {
		err = s.Close()
	}
	if err != nil {
		return nil, err
	}
	list, err := os.ReadDir(dir)
	files = map[string][]byte{}
	for _, file := range list {
		if err == nil {
			files[file.Name()], err = os.ReadFile(filepath.Join(dir, file.Name()))
		}
	}
	return files, err
})

// NewStoreFile returns the path of the file of an empty store, which goes with the test. Its key is Key.
func NewStoreFile(t testing.TB) (path string) {
	t.Helper()
	files, err := emptyStore()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, storeFile)
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
