package queue_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/store"
)

// line is a queue that takes what it is told to, and keeps what it took.
type line struct {
	name string
	take func(ctx context.Context, o queue.Outgoing) error

	mu   sync.Mutex
	took []string
}

func (l *line) Name() string         { return l.name }
func (l *line) MaxMessageBytes() int { return 1 << 20 }

func (l *line) SendEach(ctx context.Context, list []queue.Outgoing, settled func(i int, err error)) {
	for i, o := range list {
		err := l.take(ctx, o)
		if err == nil {
			l.mu.Lock()
			l.took = append(l.took, string(o.Body))
			l.mu.Unlock()
		}
		settled(i, err)
	}
}

// What the queue fails at is tried again, and until it is taken nothing of its group is: not even what was read from disk along with it.
func TestFailureHoldsUpItsGroupAlone(t *testing.T) {
	t.Parallel()
	away, failed := errors.New("away"), false
	closed := true
	to := &line{name: "dlq.fifo", take: func(_ context.Context, o queue.Outgoing) error {
		switch {
		case closed:
			return errors.Join(queue.ErrAway, away)
		case string(o.Body) == "a2" && !failed:
			failed = true
			return errors.New("this entry failed")
		}
		return nil
	}}
	clock := desktest.NewClock()
	o := &outage{Spool: queue.NewSpool(to, queuesIn(openMessages(t), clock.Now), "dlq", clock.Now, slog.New(slog.DiscardHandler))}
	t.Cleanup(o.Close)
	for _, body := range []string{"a1", "b1", "a2", "a3", "b2"} {
		ok(t, o.Send(t.Context(), []queue.Outgoing{{Body: []byte(body), GroupID: body[:1], DeduplicationID: body}}))
	}
	closed = false
	o.drain(t)
	o.becomes(t, func(s queue.SpoolState) bool { return s.Waiting == queue.Depth{} })
	to.mu.Lock()
	defer to.mu.Unlock()
	got := strings.Join(to.took, " ")
	for _, group := range []string{"a1 a2 a3", "b1 b2"} {
		order := strings.Fields(group)
		for i := 1; i < len(order); i++ {
			if strings.Index(got, order[i-1]) > strings.Index(got, order[i]) {
				t.Errorf("the queue took %s", got)
			}
		}
	}
	if len(to.took) != 5 || strings.Index(got, "b2") > strings.Index(got, "a2") {
		t.Errorf("the queue took %s: another group was held up", got)
	}
}

// A queue that neither takes nor refuses holds a batch for as long as one call may take. Then the batch is there again.
func TestDrainThatIsNotConfirmedReleases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file, err := store.OpenMessages(t.Context(), filepath.Join(t.TempDir(), "spool.db"))
		if err != nil {
			t.Fatal(err)
		}
		tries := 0
		to := &line{name: "dlq", take: func(ctx context.Context, _ queue.Outgoing) error {
			if tries++; tries > 2 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		}}
		s := queue.NewSpool(to, queuesIn(file, time.Now), "dlq", time.Now, slog.New(slog.DiscardHandler))
		ok(t, s.Send(t.Context(), []queue.Outgoing{{Body: []byte("x")}}))
		if waiting, err := s.State(t.Context()); err != nil || waiting.Waiting.Visible != 1 {
			t.Fatalf("it is not kept: %+v, %v", waiting, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		running.Go(func() { _ = s.Run(ctx) })
		begun := time.Now()
		for to.count() == 0 {
			time.Sleep(time.Second)
		}
		// The limit of a call, and the pause after it: its visibility of 30 s would have taken longer.
		if took := time.Since(begun); took < 10*time.Second || took > 20*time.Second {
			t.Errorf("it was moved after %v", took)
		}
		cancel()
		running.Wait()
		s.Close()
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
}

func (l *line) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.took)
}
