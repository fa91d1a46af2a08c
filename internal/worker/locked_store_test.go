package worker_test

import (
	"context"
	"database/sql"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
	"dlqdesk/internal/worker"
)

// locking is a destination that takes everything. Meanwhile another program begins to write to the store, and takes
// its time.
type locking struct {
	file  *sql.DB
	holds time.Duration
	sent  atomic.Int32
}

func (l *locking) Send(ctx context.Context, _ delivery.Destination, _ delivery.Request) deadletter.Attempt {
	l.sent.Add(1)
	held, err := l.file.BeginTx(ctx, nil)
	if err != nil {
		return deadletter.Attempt{Outcome: deadletter.Unreachable, Error: err.Error(), Done: true}
	}
	time.AfterFunc(l.holds, func() { _ = held.Rollback() })
	return deadletter.Attempt{Outcome: deadletter.Delivered, StatusCode: 200, StartedAt: time.Now(), Done: true}
}

// The result of a delivery that was made is written, however long the store takes nothing, and the message is not
// delivered again.
func TestResultWaitsForALockedStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const lease = time.Minute // is long over when the result is written
		path := filepath.Join(t.TempDir(), "desk.db")
		s, err := store.Open(t.Context(), path, desktest.Key(), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		file, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate&_pragma=busy_timeout(10000)")
		if err != nil {
			t.Fatal(err)
		}
		b, to := bundle{store: s}, &locking{file: file, holds: 2 * lease}
		source := worker.Source{
			Name:        "genesys",
			Destination: delivery.Destination{Source: "genesys", Timeout: 5 * time.Second},
			Retry:       desktest.Policy(),
			Slots:       8,
			Breaker:     delivery.NewBreaker(breaker, func() {}, time.Now),
		}
		b.worker = worker.New(worker.Deps{
			Masks:   desktest.NoMasks,
			Store:   s,
			Sender:  to,
			Sources: desktest.Always([]worker.Source{source}),
			Now:     time.Now,
			Random:  func() float64 { return 0.5 },
			Log:     desktest.Log(t),
		})
		b.Desk = desk.New(desk.Deps{
			Masks: desktest.NoMasks,
			Store: s, Sources: desktest.Always([]desk.Source{{Name: "genesys"}}), Kick: b.worker.Kick, Now: time.Now,
		})
		b.replay(t, desktest.Receive(t, s, desktest.Failure("a-1", 422, time.Now())), 0)
		begun, stop := time.Now(), b.run(t)
		for desktest.Message(t, s, "a-1").Status != deadletter.Resolved && time.Since(begun) < 10*lease {
			time.Sleep(time.Second)
		}
		last := b.attempts(t, "a-1")[0]
		if took := time.Since(
			begun,
		); to.sent.Load() != 1 || last.Outcome != deadletter.Delivered || took < 2*lease ||
			took > 2*lease+15*time.Second {
			t.Errorf("after %v and %d deliveries the attempt is %+v", took, to.sent.Load(), last)
		}
		stop()
		for _, end := range []func() error{file.Close, s.Close} {
			if err := end(); err != nil {
				t.Error(err)
			}
		}
	})
}
