package ingest_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/queue"
)

// watched is a queue that reports how many batches are at work side by side.
type watched struct {
	*queue.Embedded
	hold chan struct{} // no batch is done before it is closed

	mu            sync.Mutex
	atWork, most  int
	helping       int // how often who does not wait has asked
	left          int
	several, done chan struct{} // closed when there are two, and when nothing is left
}

func (w *watched) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error) {
	list, err := w.Embedded.Receive(ctx, limit, wait)
	w.mu.Lock()
	defer w.mu.Unlock()
	if wait == 0 {
		w.helping++
	}
	if len(list) > 0 {
		w.atWork++
	}
	if w.most < 2 && w.atWork == 2 {
		close(w.several)
	}
	w.most = max(w.most, w.atWork)
	return list, err
}

func (w *watched) Delete(ctx context.Context, list []queue.Message) []error {
	select {
	case <-w.hold:
	case <-ctx.Done():
	}
	errs := w.Embedded.Delete(ctx, list)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.atWork--
	if w.left -= len(list); w.left == 0 {
		close(w.done)
	}
	return errs
}

// watch has one receiver, and helpers, move messages of a size until the test ends.
func watch(t *testing.T, messages, bytes int) *watched {
	t.Helper()
	w, _ := watchUntil(t, messages, bytes)
	return w
}

// watchUntil is watch until it is told to stop.
func watchUntil(t *testing.T, messages, bytes int) (w *watched, stop func()) {
	t.Helper()
	b := setup(t, settings)
	for i := range messages {
		c := desktest.Failure(fmt.Sprintf("a-%d", i), 422, b.clock.Now())
		c.Body = []byte(strings.Repeat("x", bytes))
		b.send(t, encode(t, c))
	}
	w = &watched{
		Embedded: b.queue,
		hold:     make(chan struct{}),
		left:     messages,
		several:  make(chan struct{}),
		done:     make(chan struct{}),
	}
	d := newDeps(w, b.store, settings, b.clock.Now)
	d.Pollers, d.Helpers, d.Log = 1, 3, desktest.Log(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	i := ingest.New(d)
	go func() {
		defer close(ended)
		_ = i.Run(ctx) // it has no other end than that of ctx
	}()
	stop = func() {
		cancel()
		<-ended
	}
	t.Cleanup(stop)
	return w, stop
}

// Each call to SQS costs money: extra receivers start only with a backlog and stop after it.
func TestSmallBacklogUsesOneReceiver(t *testing.T) {
	t.Parallel()
	for messages, want := range map[int]int{9: 0, 15: 1} {
		t.Run(fmt.Sprintf("%d messages", messages), func(t *testing.T) {
			w, stop := watchUntil(t, messages, 1<<10)
			if want > 0 {
				<-w.several
			}
			close(w.hold)
			<-w.done
			if stop(); w.helping != want {
				t.Errorf("helpers asked %d times for %d messages, want %d", w.helping, messages, want)
			}
		})
	}
}

func TestLargeBacklogUsesSeveralReceivers(t *testing.T) {
	t.Parallel()
	w := watch(t, 30, 1<<10)
	<-w.several
	close(w.hold)
	<-w.done
}

func TestLargeMessagesUseFewReceivers(t *testing.T) {
	t.Parallel()
	w := watch(t, 30, 64<<10)
	close(w.hold)
	<-w.done
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.most != 1 {
		t.Errorf("%d batches of large messages were at work at once", w.most)
	}
}
