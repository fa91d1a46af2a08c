package ingest_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/store"
)

// leaving is a queue that hands out a batch right before the program stops.
type leaving struct {
	*queue.Embedded
	leave func()
}

func (q leaving) Receive(ctx context.Context, limit int, wait time.Duration) ([]queue.Message, error) {
	defer q.leave()
	return q.Embedded.Receive(ctx, limit, wait)
}

// A received batch is finished, and reported once it is stored.
func TestBatchIsFinishedOnStop(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	b.send(t, encode(t, desktest.Failure("a-1", 422, b.clock.Now())))
	ctx, leave := context.WithCancel(t.Context())
	told := 0
	arrived := func() {
		told++
		desktest.Message(t, b.store, "a-1")
	}
	d := newDeps(leaving{b.queue, leave}, b.store, settings, b.clock.Now)
	d.Arrived, d.Log = arrived, desktest.Log(t)
	i := ingest.New(d)
	if n, err := i.Once(ctx, 0); n != 1 || err != nil || told != 1 {
		t.Errorf("%d messages were moved, %v, and told of %d times", n, err, told)
	}
	b.isEmpty(t)
}

// A batch may take a minute. Until then it stays hidden, whatever the queue's visibility is. Then it is visible.
func TestBatchBeyondAMinuteBecomesVisible(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		file, err := queue.OpenFile(t.Context(), filepath.Join(t.TempDir(), "queue.db"), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		q := queue.NewEmbedded(file, "dlq", 1<<20, time.Now)
		c := desktest.Failure("large", 422, time.Now())
		c.Body = bytes.Repeat([]byte("x"), 2<<20)
		text, err := envelope.EncodeWithin(c, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		if err := q.Send(t.Context(), []queue.Outgoing{{Body: text}})[0]; err != nil {
			t.Fatal(err)
		}
		d := newDeps(q, desktest.NewStore(t), settings, time.Now)
		d.Log = desktest.Log(t)
		if err := d.UnpackMemory.Acquire(t.Context(), envelope.MaxUnpacked); err != nil {
			t.Fatal(err)
		}
		i := ingest.New(d)
		begun, over := time.Now(), make(chan error)
		go func() {
			n, err := i.Once(t.Context(), 0)
			if n != 0 {
				t.Errorf("%d messages were moved", n)
			}
			over <- err
		}()
		time.Sleep(50 * time.Second)
		if d, err := q.Depth(t.Context()); err != nil || d.InFlight != 1 {
			t.Errorf("while it is worked on the queue holds %+v, %v", d, err)
		}
		if err := <-over; !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != time.Minute {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		if d, err := q.Depth(t.Context()); err != nil || d.Visible != 1 {
			t.Errorf("then the queue holds %+v, %v", d, err)
		}
		if err := file.Close(); err != nil {
			t.Error(err)
		}
	})
}

// A message without an envelope gets the source that the configuration names for its queue.
func TestMessagesOfAnotherQueueGetItsSource(t *testing.T) {
	t.Parallel()
	b := setup(t, ingest.Settings{
		SourceOf: map[string]string{"orders": "genesys"},
		Dedup:    map[string]payload.Dedup{"genesys": {Path: payload.Path{"id"}, Window: time.Hour}},
	})
	b.ConfigName = "orders"
	text := func(s string) queue.Attribute { return queue.Attribute{Type: "String", String: s} }
	message := queue.Outgoing{
		Body:       []byte(`{"id":"evt-1","eventType":"order.placed"}`),
		Attributes: map[string]queue.Attribute{"b": text("2"), "a": text("1"), "c": text("3")},
	}
	if err := errors.Join(b.queue.Send(t.Context(), []queue.Outgoing{message, message})...); err != nil {
		t.Fatal(err)
	}
	b.once(t)
	page, err := b.store.Messages(t.Context(), store.MessageQuery{Limit: 10})
	if err != nil || len(page.Items) != 2 {
		t.Fatalf("%d messages, %v", len(page.Items), err)
	}
	for _, l := range page.Items {
		var names []string
		for _, a := range desktest.Message(t, b.store, l.ID).Queue.Attributes {
			names = append(names, a.Name)
		}
		if l.Source != "genesys" || l.EventType != "order.placed" || strings.Join(names, " ") != "a b c" {
			t.Errorf("message of %q, %q, with %v", l.Source, l.EventType, names)
		}
	}
}

// clutching is a queue of which nothing can be deleted.
type clutching struct{ *queue.Embedded }

func (clutching) Delete(_ context.Context, messages []queue.Message) []error {
	errs := make([]error, len(messages))
	for i := range errs {
		errs[i] = errors.New("the queue is away")
	}
	return errs
}

// If many messages stay on a queue, those that expire first are reported.
func TestOldestUndeletedMessagesAreReported(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	d := newDeps(clutching{b.queue}, b.store, settings, b.clock.Now)
	d.Log = desktest.Log(t)
	b.Ingest = ingest.New(d)
	first := b.clock.Now()
	for range 110 {
		b.send(t, "no envelope")
		b.clock.Add(time.Second)
	}
	for b.once(t) > 0 {
	}
	list := d.Undeleted.List()
	if len(list) != 100 {
		t.Fatalf("%d are known", len(list))
	}
	for n, l := range list {
		if want := first.Add(time.Duration(n) * time.Second); !l.SentAt.Equal(want) {
			t.Fatalf("number %d was sent at %s, want %s", n, l.SentAt, want)
		}
	}
}

// A message that the store refuses stays on the queue. The others of its batch are stored.
func TestUnstorableMessageDelaysNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	path := filepath.Join(t.TempDir(), "desk.db")
	picky, err := store.Open(t.Context(), path, desktest.Key(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = picky.Close() })
	file, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	const refuse = `CREATE TRIGGER picky BEFORE INSERT ON messages WHEN NEW.id = 'b-2' BEGIN SELECT ` +
		`RAISE(ABORT, 'not this one'); END`
	if _, err := file.ExecContext(t.Context(), refuse); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a-1", "b-2", "c-3"} {
		b.send(t, encode(t, desktest.Failure(id, 422, b.clock.Now())))
	}
	n, err := newIngest(b.queue, picky, settings, b.clock, desktest.Log(t)).Once(t.Context(), 0)
	if n != 2 || err == nil || !strings.Contains(err.Error(), "not this one") {
		t.Errorf("%d messages were moved, %v", n, err)
	}
	desktest.Message(t, picky, "a-1")
	desktest.Message(t, picky, "c-3")
	if d, err := b.queue.Depth(t.Context()); err != nil || d.Visible != 1 || d.InFlight != 0 {
		t.Errorf("the queue holds %+v, %v", d, err)
	}
}
