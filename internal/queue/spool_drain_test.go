package queue_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
)

// line is a queue that takes the messages that a test lets it take, and records them.
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

// A message that the queue fails to take is sent again. Until then no later message of its group is sent, not even
// one of the same batch from disk.
func TestFailureDelaysOnlyItsGroup(t *testing.T) {
	t.Parallel()
	away, failed := errors.New("away"), false
	closed := true
	to := &line{name: "dlq.fifo", take: func(_ context.Context, o queue.Outgoing) error {
		switch {
		case closed:
			return errors.Join(queue.ErrUnavailable, away)
		case string(o.Body) == "a2" && !failed:
			failed = true
			return errors.New("this entry failed")
		}
		return nil
	}}
	clock := desktest.NewClock()
	o := &outage{
		Spool: queue.NewSpool(
			to, queuesIn(openQueueFile(t), clock.Now), "dlq", clock.Now, slog.New(slog.DiscardHandler),
		),
	}
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

// spooled is a spool in front of a line, by the test's own clock.
type spooled struct {
	*queue.Spool
	to   *line
	file *queue.File
}

func withSpool(
	t *testing.T, name string, take func(ctx context.Context, o queue.Outgoing) error,
	do func(t *testing.T, s spooled),
) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		file, err := queue.OpenFile(t.Context(), filepath.Join(t.TempDir(), "spool.db"), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		to := &line{name: name, take: take}
		s := spooled{
			queue.NewSpool(to, queuesIn(file, time.Now), "dlq", time.Now, slog.New(slog.DiscardHandler)), to,
			file,
		}
		do(t, s)
		s.Close()
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
}

// keep sends messages that the line does not take.
func (s spooled) keep(t *testing.T, list ...queue.Outgoing) {
	t.Helper()
	for _, o := range list {
		ok(t, s.Send(t.Context(), []queue.Outgoing{o}))
	}
	if state, err := s.State(t.Context()); err != nil || state.Waiting.Visible != len(list) {
		t.Fatalf("of %d messages there wait %+v, %v", len(list), state.Waiting, err)
	}
}

// drain moves spooled messages until it is stopped, and returns then.
func (s spooled) drain(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = s.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// left returns what waits, and what is stranded.
func (s spooled) left(t *testing.T) (waiting, stranded int) {
	t.Helper()
	state, err := s.State(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state.Waiting.Total(), state.Stranded.Total()
}

// closedOnce refuses the first message, as a queue that is away, and has the others taken.
func closedOnce(
	take func(ctx context.Context, o queue.Outgoing) error,
) func(ctx context.Context, o queue.Outgoing) error {
	var once sync.Once
	return func(ctx context.Context, o queue.Outgoing) (err error) {
		once.Do(func() { err = queue.ErrUnavailable })
		if err == nil {
			err = take(ctx, o)
		}
		return err
	}
}

// A queue that neither takes nor refuses keeps senders waiting for a moment, and holds a batch for as long as one
// call may take. Then the batch is there again.
func TestUnconfirmedDrainReleasesItsMessages(t *testing.T) {
	t.Parallel()
	tries := 0
	take := func(ctx context.Context, _ queue.Outgoing) error {
		if tries++; tries > 2 {
			return nil
		}
		<-ctx.Done()
		return errors.Join(queue.ErrUnavailable, ctx.Err())
	}
	withSpool(t, "dlq", take, func(t *testing.T, s spooled) {
		begun := time.Now()
		s.keep(t, queue.Outgoing{Body: []byte("x")})
		if took := time.Since(begun); took != 2*time.Second {
			t.Errorf("a sender waited for %v", took)
		}
		stop := s.drain(t)
		defer stop()
		begun = time.Now()
		for s.to.count() == 0 {
			time.Sleep(time.Second)
		}
		// The limit of a call, and the pause after it: its visibility of 30 s would have taken longer.
		if took := time.Since(begun); took < 10*time.Second || took > 20*time.Second {
			t.Errorf("it was moved after %v", took)
		}
	})
}

func (l *line) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.took)
}

// A queue in an outage is called less and less often. The reported start of the outage stays.
func TestQueueOutageIsPolledLessOften(t *testing.T) {
	t.Parallel()
	for who, want := range map[string]string{"senders": "0 1 3 7 12 17 22", "the drainer": "0 0 2 6 11 16 21"} {
		t.Run(who, func(t *testing.T) {
			var asked []string
			var begun time.Time
			take := func(context.Context, queue.Outgoing) error {
				asked = append(asked, strconv.Itoa(int(time.Since(begun).Seconds())))
				return queue.ErrUnavailable
			}
			withSpool(t, "dlq", take, func(t *testing.T, s spooled) {
				begun = time.Now()
				s.keep(t, queue.Outgoing{Body: []byte("x")})
				if who == "senders" {
					for range 25 {
						time.Sleep(time.Second)
						ok(t, s.Send(t.Context(), []queue.Outgoing{{Body: []byte("x")}}))
					}
				} else {
					stop := s.drain(t)
					time.Sleep(25 * time.Second)
					before := time.Now()
					if stop(); time.Since(before) > 0 {
						t.Errorf("it stopped after %v", time.Since(before))
					}
				}
				if got := strings.Join(asked, " "); got != want || !s.UnavailableSince().Equal(begun) {
					t.Errorf("%s asked at %s, want %s; it is away since %v", who, got, want,
						s.UnavailableSince().Sub(begun))
				}
			})
		})
	}
}

// A queue that is slower than senders wait for gets what waits, and no more of theirs to wait for.
func TestSlowQueueStaysUnavailable(t *testing.T) {
	t.Parallel()
	slow := func(context.Context, queue.Outgoing) error {
		time.Sleep(3 * time.Second)
		return nil
	}
	withSpool(t, "dlq", closedOnce(slow), func(t *testing.T, s spooled) {
		s.keep(t, queue.Outgoing{Body: []byte("x")})
		stop := s.drain(t)
		time.Sleep(4 * time.Second)
		stop()
		if n := s.to.count(); n != 1 || s.UnavailableSince().IsZero() {
			t.Errorf("it took %d, and is away since %v", n, s.UnavailableSince())
		}
	})
}

// The stop waits for a batch in flight. A batch that was cut off would be sent twice.
func TestBatchInFlightIsFinishedOnStop(t *testing.T) {
	t.Parallel()
	slow := func(ctx context.Context, _ queue.Outgoing) error {
		select {
		case <-time.After(time.Second):
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	withSpool(t, "dlq", closedOnce(slow), func(t *testing.T, s spooled) {
		s.keep(t, queue.Outgoing{Body: []byte("x")})
		stop := s.drain(t)
		synctest.Wait()
		stop()
		if waiting, _ := s.left(t); s.to.count() != 1 || waiting != 0 {
			t.Errorf("the queue took %d, and %d wait", s.to.count(), waiting)
		}
	})
}

func TestSpooledMessagesAreMovedUnchanged(t *testing.T) {
	t.Parallel()
	want := queue.Outgoing{
		Body:            []byte("x"),
		Attributes:      map[string]queue.Attribute{"a": {Type: "String", String: "b"}},
		GroupID:         "g",
		DeduplicationID: "d",
	}
	var got queue.Outgoing
	take := func(_ context.Context, o queue.Outgoing) error {
		got = o
		return nil
	}
	withSpool(t, "dlq.fifo", closedOnce(take), func(t *testing.T, s spooled) {
		s.keep(t, want)
		stop := s.drain(t)
		synctest.Wait()
		if stop(); !reflect.DeepEqual(got, want) {
			t.Errorf("the queue took %+v, want %+v", got, want)
		}
	})
}

// A message that the queue refuses for good is set aside, so the next of its group is sent at once.
func TestRefusalDelaysNothingOfItsGroup(t *testing.T) {
	t.Parallel()
	take := func(_ context.Context, o queue.Outgoing) error {
		if string(o.Body) == "a1" {
			return queue.ErrRefused
		}
		return nil
	}
	withSpool(t, "dlq.fifo", closedOnce(take), func(t *testing.T, s spooled) {
		s.keep(t, queue.Outgoing{Body: []byte("a1"), GroupID: "a"}, queue.Outgoing{Body: []byte("a2"), GroupID: "a"})
		stop := s.drain(t)
		synctest.Wait()
		if waiting, stranded := s.left(t); s.to.count() != 1 || waiting != 0 || stranded != 1 {
			t.Errorf("the queue took %d, %d wait and %d are stranded", s.to.count(), waiting, stranded)
		}
		stop()
	})
}

// If the disk has no room to set a refused message aside, the message stays in the spool.
func TestMessagesThatCannotBeSetAsideWait(t *testing.T) {
	t.Parallel()
	refuse := func(context.Context, queue.Outgoing) error { return queue.ErrRefused }
	withSpool(t, "dlq", closedOnce(refuse), func(t *testing.T, s spooled) {
		s.keep(t, queue.Outgoing{Body: bytes.Repeat([]byte("x"), 600<<10)})
		if err := s.file.Limit(t.Context(), 1<<20); err != nil {
			t.Fatal(err)
		}
		stop := s.drain(t)
		synctest.Wait()
		if waiting, stranded := s.left(t); waiting != 1 || stranded != 0 || !s.UnavailableSince().IsZero() {
			t.Errorf("%d wait and %d are stranded; the queue, which answers, is away since %v", waiting, stranded,
				s.UnavailableSince())
		}
		if err := s.file.Limit(t.Context(), 4<<20); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		stop()
		if waiting, stranded := s.left(t); waiting != 0 || stranded != 1 {
			t.Errorf("once there is room %d wait and %d are stranded", waiting, stranded)
		}
	})
}

// On a FIFO queue a message waits behind the spooled messages of its group, and behind those that are being moved.
func TestNothingOvertakesSpooledMessages(t *testing.T) {
	t.Parallel()
	take := func(context.Context, queue.Outgoing) error { return nil }
	withSpool(t, "dlq.fifo", closedOnce(take), func(t *testing.T, s spooled) {
		s.keep(t, queue.Outgoing{Body: []byte("1")})
		if got, err := s.Waiting().Receive(t.Context(), 10, 0); err != nil || len(got) != 1 {
			t.Fatalf("%d wait, %v", len(got), err)
		}
		time.Sleep(time.Second) // until the queue would be asked again
		ok(t, s.Send(t.Context(), []queue.Outgoing{{Body: []byte("2")}}))
		if err := s.file.Close(); err != nil {
			t.Fatal(err)
		}
		if err := s.Send(t.Context(), []queue.Outgoing{{Body: []byte("3")}})[0]; err == nil || s.to.count() != 0 {
			t.Errorf("the queue took %d, and the last was answered %v", s.to.count(), err)
		}
	})
}
