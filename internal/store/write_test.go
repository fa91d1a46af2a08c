package store_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

func TestWritesThatShareACommitKeepTheirOwnResults(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	boom := errors.New("boom")
	gate := make(chan struct{})
	var all sync.WaitGroup
	// The first write holds the writer until every other one waits, so that those share one commit.
	all.Go(func() {
		_ = s.Write(t.Context(), func(context.Context, *store.Tx) error { <-gate; return nil })
	})
	errs := make([]error, 40)
	var queued sync.WaitGroup
	for i := range errs {
		queued.Add(1)
		all.Go(func() {
			queued.Done()
			errs[i] = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				if err := tx.Apply(
					ctx,
					deadletter.NewMessage(failure(fmt.Sprintf("id-%d", i), 422, start), policy, 0, start),
				); err != nil {
					return err
				}
				switch i % 4 {
				case 1:
					return boom
				case 2:
					panic("a caller's fault")
				}
				return nil
			})
		})
	}
	queued.Wait()
	close(gate)
	all.Wait()
	for i, err := range errs {
		_, read := s.Message(t.Context(), deadletter.ID(fmt.Sprintf("id-%d", i)))
		switch i % 4 {
		case 1:
			if !errors.Is(err, boom) {
				t.Errorf("write %d answers %v", i, err)
			}
		case 2:
			if err == nil || !strings.Contains(err.Error(), "a caller's fault") {
				t.Errorf("write %d answers %v", i, err)
			}
		default:
			if err != nil {
				t.Errorf("write %d answers %v", i, err)
			}
		}
		if kept := read == nil; kept != (i%4 == 0 || i%4 == 3) {
			t.Errorf("message %d is kept: %v", i, kept)
		}
	}
	if r, err := s.VerifyAudit(t.Context()); r.Events != 20 || err != nil {
		t.Errorf("%d events, %v", r.Events, err)
	}
}

func TestWriteWithCancelledContextIsSkipped(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	gone, leave := context.WithCancel(t.Context())
	leave()
	err := s.Write(gone, func(context.Context, *store.Tx) error {
		t.Error("the write was begun")
		return nil
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the write answers %v", err)
	}
}

func TestClosedStoreRefusesWrites(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), t.TempDir()+"/desk.db", key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Write(t.Context(), func(context.Context, *store.Tx) error { return nil }); err == nil {
		t.Error("a write after Close was done")
	}
}

func TestPathWithURLCharacters(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), t.TempDir()+"/a b?c#d%20.db", key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	receive(t, s, failure("a-1", 422, start))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkWrite(b *testing.B) {
	for _, callers := range []int{1, 64} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			s, err := store.Open(b.Context(), b.TempDir()+"/desk.db", key, slog.New(slog.DiscardHandler))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			b.SetParallelism((callers + 1) / 2)
			var mu sync.Mutex
			n := 0
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					mu.Lock()
					n++
					id := fmt.Sprintf("id-%d", n)
					mu.Unlock()
					c := deadletter.NewMessage(failure(id, 422, start), policy, 0, start)
					if err := s.Write(
						b.Context(),
						func(ctx context.Context, tx *store.Tx) error { return tx.Apply(ctx, c) },
					); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

func TestFileIsReadableByItsOwnerOnly(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	s, err := store.Open(t.Context(), filepath.Join(dir, "desk.db"), key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	files, err := os.ReadDir(dir)
	if err != nil || len(files) < 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	for _, f := range files {
		if info, err := f.Info(); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s may be used by others: %v, %v", f.Name(), info.Mode(), err)
		}
	}
}

func TestWriteWaitsForAnotherProcess(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	s, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	lock, err := other.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	released := make(chan struct{})
	var held sync.WaitGroup
	held.Go(func() {
		<-time.After(200 * time.Millisecond)
		close(released)
		_ = lock.Rollback()
	})
	receive(t, s, failure("a-1", 422, start))
	select {
	case <-released:
	default:
		t.Error("the write did not wait")
	}
	held.Wait()
}

func TestStartedWriteIsNotCancelled(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	ctx, leave := context.WithCancel(t.Context())
	err := s.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		leave()
		return tx.Apply(ctx, deadletter.NewMessage(failure("a-1", 422, start), policy, 0, start))
	})
	if err != nil {
		t.Errorf("the write answers %v", err)
	}
	if _, err := s.Message(t.Context(), "a-1"); err != nil {
		t.Error(err)
	}
}

func TestCloseFinishesWaitingWrites(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	s, err := store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	begun, gate := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		_ = s.Write(t.Context(), func(context.Context, *store.Tx) error {
			close(begun)
			<-gate
			return nil
		})
	})
	<-begun
	errs := make([]error, 30)
	for i := range errs {
		all.Go(func() {
			errs[i] = s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				return tx.Apply(
					ctx,
					deadletter.NewMessage(failure(fmt.Sprintf("id-%d", i), 422, start), policy, 0, start),
				)
			})
		})
	}
	all.Go(func() { _ = s.Close() })
	close(gate)
	all.Wait()
	if err := s.Close(); err != nil {
		t.Errorf("the second Close answers %v", err)
	}
	s, err = store.Open(t.Context(), path, key, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	for i, err := range errs {
		// A write either answered nil and is kept, or was refused and is not.
		if _, absent := s.Message(
			t.Context(), deadletter.ID(fmt.Sprintf("id-%d", i)),
		); (err == nil) != (absent == nil) {
			t.Errorf("write %d answered %v, and reading it %v", i, err, absent)
		}
	}
}
