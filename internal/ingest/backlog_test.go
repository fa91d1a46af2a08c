package ingest_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/queue"
)

// tens is a queue that returns ten messages at most, as SQS does.
type tens struct {
	*queue.Embedded

	mu  sync.Mutex
	got []int // messages of each receive
}

func (*tens) MaxReceive() int { return 10 }

func (q *tens) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error) {
	list, err := q.Embedded.Receive(context.WithoutCancel(ctx), min(limit, 10), wait) // however slow the machine is
	q.mu.Lock()
	defer q.mu.Unlock()
	q.got = append(q.got, len(list))
	return list, err
}

// sendMany puts messages with bodies of a size on the queue.
func (b bundle) sendMany(t *testing.T, prefix string, messages, bytes int) {
	t.Helper()
	list := make([]queue.Outgoing, messages)
	for n := range list {
		c := desktest.Failure(fmt.Sprintf("%s-%d", prefix, n), 422, b.clock.Now())
		c.Body = []byte(strings.Repeat("x", bytes))
		list[n].Body = []byte(encode(t, c))
	}
	for _, err := range b.queue.Send(t.Context(), list) {
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A batch takes all that the queue has, in as few receives as possible. One message takes one receive: SQS charges for
// each.
func TestBatchGrowsWithTheBacklog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		messages, bytes int
		moved, receives string // of each batch
	}{
		"one":                     {1, 1 << 10, "1", "1"},
		"fewer":                   {9, 1 << 10, "9", "1"},
		"one receive":             {10, 1 << 10, "10", "2"},
		"several":                 {75, 10, "75", "8"},
		"more than a batch takes": {320, 10, "300 20", "30 30"},
		"large":                   {60, 40 << 10, "20 20 20", "2 2 2"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, settings)
			b.sendMany(t, "a", c.messages, c.bytes)
			q := &tens{Embedded: b.queue}
			d := newDeps(q, b.store, settings, b.clock.Now)
			arrived := 0
			d.Arrived, d.Log = func() { arrived++ }, desktest.Log(t)
			b.Ingest = ingest.New(d)
			var moved, receives []string
			for left := c.messages; left > 0; {
				q.got = nil
				n := b.once(t)
				left -= n
				moved, receives = append(moved, fmt.Sprint(n)), append(receives, fmt.Sprint(len(q.got)))
			}
			if got := strings.Join(moved, " "); got != c.moved {
				t.Errorf("it moved %s messages, want %s", got, c.moved)
			}
			if got := strings.Join(receives, " "); got != c.receives {
				t.Errorf("it made %s receives, want %s", got, c.receives)
			}
			if arrived != len(moved) {
				t.Errorf("%d batches were stored in %d transactions", len(moved), arrived)
			}
			b.isEmpty(t)
		})
	}
}

// The next batch of the same size is received in two steps.
func TestBatchExpectsAsManyMessagesAsTheLatestHad(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	q := &tens{Embedded: b.queue}
	b.Ingest = ingest.New(newDeps(q, b.store, settings, b.clock.Now))
	b.sendMany(t, "a", 75, 10)
	b.once(t)
	b.sendMany(t, "b", 75, 10)
	q.got = nil
	if n := b.once(t); n != 75 || len(q.got) != 8 || q.got[7] == 0 {
		t.Errorf("it moved %d messages in the receives %v, want 75 in 8", n, q.got)
	}
}

// arrivals is a queue to which messages come at given times. Each receive returns one at most.
type arrivals struct {
	*queue.Embedded
	at       []time.Duration
	begun    time.Time
	received []time.Duration
	over     func()
}

func (q *arrivals) Receive(ctx context.Context, _ int, wait time.Duration) ([]queue.Message, error) {
	if len(q.at) == 0 {
		q.over()
		return nil, ctx.Err()
	}
	time.Sleep(time.Until(q.begun.Add(q.at[0]))) // the clock is that of the bubble
	q.at = q.at[1:]
	q.received = append(q.received, time.Since(q.begun))
	return []queue.Message{{ID: fmt.Sprint(len(q.at)), Body: []byte("no envelope")}}, nil
}

func (*arrivals) Delete(_ context.Context, list []queue.Message) []error {
	return make([]error, len(list))
}

// A message that comes after a quiet time is received at once. The next ones wait for 50 ms at most, so that they share
// a batch with others.
func TestMessageWaitsForOthersOnlyAfterAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const ms = time.Millisecond
		ctx, stop := context.WithCancel(t.Context())
		q := &arrivals{
			Embedded: queue.NewEmbedded(nil, "dlq", 1<<20, time.Now), begun: time.Now(), over: stop,
			at: []time.Duration{7000 * ms, 7010 * ms, 7060 * ms, 9000 * ms},
		}
		if err := ingest.New(newDeps(q, desktest.NewStore(t), settings, time.Now)).Run(ctx); err != nil {
			t.Error(err)
		}
		if got := fmt.Sprint(q.received); got != "[7s 7.05s 7.1s 9s]" {
			t.Errorf("the messages were received after %s", got)
		}
	})
}

// A batch that waits for memory delays no message that comes after it.
func TestBatchThatWaitsDelaysNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	stored := make(chan struct{}, 10)
	d := newDeps(b.queue, b.store, settings, b.clock.Now)
	d.Arrived, d.Log = func() { stored <- struct{}{} }, desktest.Log(t)
	b.Ingest = ingest.New(d)
	c := desktest.Failure("large", 422, b.clock.Now())
	c.Body = bytes.Repeat([]byte("x"), 2<<20)
	text, err := envelope.EncodeWithin(c, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.UnpackMemory.Acquire(t.Context(), envelope.MaxUnpacked); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- b.Run(ctx) }()
	for _, id := range []string{"first", "second"} {
		b.send(t, string(text), encode(t, desktest.Failure(id, 422, b.clock.Now())))
		for {
			<-stored
			if _, err := b.store.Message(t.Context(), deadletter.ID(id)); err == nil {
				break
			}
		}
	}
	stop()
	d.UnpackMemory.Release(envelope.MaxUnpacked)
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if m := desktest.Message(t, b.store, "large"); m.Arrivals != 2 {
		t.Errorf("the large one arrived %d times", m.Arrivals)
	}
	b.isEmpty(t)
}
