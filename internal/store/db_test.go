package store_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

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
				if err := tx.Apply(ctx, deadletter.Receive(failure(fmt.Sprintf("id-%d", i), 422, start), policy, 0, start)); err != nil {
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
		_, read := s.Letter(t.Context(), deadletter.ID(fmt.Sprintf("id-%d", i)))
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
			t.Errorf("letter %d is kept: %v", i, kept)
		}
	}
	if n, err := s.VerifyAudit(t.Context()); n != 20 || err != nil {
		t.Errorf("%d events, %v", n, err)
	}
}

func TestWriteOfACallerWhoLeftIsNotDone(t *testing.T) {
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
	s, err := store.Open(t.Context(), t.TempDir()+"/desk.db", key)
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

func TestPathWithMarksThatAddressesGiveMeaning(t *testing.T) {
	t.Parallel()
	s, err := store.Open(t.Context(), t.TempDir()+"/a b?c#d%20.db", key)
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
			s, err := store.Open(b.Context(), b.TempDir()+"/desk.db", key)
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
					c := deadletter.Receive(failure(id, 422, start), policy, 0, start)
					if err := s.Write(b.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Apply(ctx, c) }); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
