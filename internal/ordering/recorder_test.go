package ordering_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ordering"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/store"
)

var start = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)

// bundle is a recorder on a real store. keys are what the configuration names.
type bundle struct {
	*ordering.Recorder
	store *store.Store
	keys  atomic.Pointer[map[string]payload.OrderKey]
	log   bytes.Buffer
}

func setup(t *testing.T) *bundle {
	t.Helper()
	b := &bundle{store: desktest.NewStore(t)}
	begun := time.Now()
	b.keys.Store(&map[string]payload.OrderKey{})
	b.Recorder = ordering.New(ordering.Deps{
		Store: b.store,
		Keys:  func() map[string]payload.OrderKey { return *b.keys.Load() },
		Now:   func() time.Time { return start.Add(time.Since(begun)) },
		Log:   slog.New(slog.NewTextHandler(&b.log, nil)),
	})
	return b
}

// add stores a message about a thing.
func (b *bundle) add(t *testing.T, id string, key deadletter.OrderKey) {
	t.Helper()
	c := deadletter.Capture{
		ID: deadletter.ID(id), Source: "genesys", ReceivedAt: start, OrderKey: key, Reason: "no",
		Body: []byte(`{"conversationId":"` + id + `","case":"7"}`),
	}
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.Apply(ctx, deadletter.NewMessage(c, deadletter.RetryPolicy{}, 0, start))
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b *bundle) save(t *testing.T) {
	t.Helper()
	if err := b.Save(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// newer checks how many events of a thing are stored that were received after start.
func (b *bundle) newer(t *testing.T, key deadletter.OrderKey, want int) {
	t.Helper()
	n, err := b.store.Newer(t.Context(), deadletter.Message{OrderKey: key, ReceivedAt: start})
	if err != nil || n.Count != want {
		t.Errorf("of %d are stored %d, %v, want %d", key, n.Count, err, want)
	}
}

func after(d time.Duration) time.Time { return start.Add(d) }

func TestOnlyEventsOfThingsWithMessagesAreWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Failed(7, 0)
	b.Delivered(7, after(time.Second))
	b.Delivered(8, after(time.Second))
	b.Delivered(0, after(time.Second))
	b.save(t)
	b.newer(t, 7, 1)
	b.newer(t, 8, 0)
	b.newer(t, 0, 0)
}

func TestWebhooksAreRecordedByTheConfiguredKey(t *testing.T) {
	t.Parallel()
	b := setup(t)
	key := payload.OrderKey{{Path: payload.Path{"id"}}}
	b.keys.Store(&map[string]payload.OrderKey{"genesys": key})
	body := []byte(`{"id":"7"}`)
	for _, source := range []string{"genesys", "other"} {
		b.Observe(deadletter.Capture{Source: source, ReceivedAt: start, Body: body}, false)
		b.Observe(deadletter.Capture{Source: source, ReceivedAt: after(time.Second), Body: body}, true)
	}
	b.save(t)
	b.newer(t, key.Of("genesys", nil, body), 1)
	b.newer(t, key.Of("other", nil, body), 0)
}

func TestEventThatWasDeliveredBeforeAnOlderOneFailedIsWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Delivered(7, after(time.Second))
	b.save(t)
	b.newer(t, 7, 0)
	b.Failed(7)
	b.save(t)
	b.newer(t, 7, 1)
	b.Failed(7)
	b.save(t)
	b.newer(t, 7, 1)
}

func TestLatestEventsAreRememberedHoweverManyThereAre(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const more = 1<<18 + 10
	for i := range more {
		b.Delivered(deadletter.OrderKey(100+i), after(time.Second))
	}
	b.Failed(100, 110, 100+more-1)
	b.save(t)
	b.newer(t, 100, 0)
	b.newer(t, 110, 1)
	b.newer(t, 100+more-1, 1)
}

func TestEventsWaitWhileTheStoreCannotBeWritten(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.Failed(7)
	b.Delivered(7, after(time.Second))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if b.Save(ended) == nil {
		t.Fatal("it is written although its time is over")
	}
	b.Delivered(7, after(2*time.Second))
	b.newer(t, 7, 0)
	b.save(t)
	b.newer(t, 7, 2)
}

func TestNumberOfWaitingEventsIsBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	const most, remembered = 100_000, 1000
	b.Failed(7)
	for i := range most {
		b.Delivered(7, after(time.Duration(i)*time.Millisecond))
	}
	for range remembered {
		b.Delivered(8, after(time.Second))
	}
	b.Failed(8)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		if b.Save(ended) == nil {
			t.Fatal("it is written although its time is over")
		}
	}
	if text := fmt.Sprintf("events=%d", remembered); !strings.Contains(b.log.String(), text) {
		t.Errorf("the log has no %q: %s", text, &b.log)
	}
}

func TestManyDeliveriesAtOnceAreRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var running sync.WaitGroup
	for i := range 8 {
		running.Go(func() {
			for n := range 10 {
				b.Delivered(7, after(time.Duration(i*10+n+1)*time.Second))
				if n == 5 {
					b.Failed(7)
					_ = b.Save(context.Background()) //nolint:usetesting // it ends with the test
				}
			}
		})
	}
	running.Wait()
	b.save(t)
	b.newer(t, 7, 80)
}

// run runs the recorder until the test ends, and returns once it waits for the next second.
func (b *bundle) run(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() {
		if err := b.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		stop()
		running.Wait()
	})
	synctest.Wait()
}

func TestKeysOfStoredMessagesAreKnownAtTheStart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.keys.Store(&map[string]payload.OrderKey{"genesys": {{Path: payload.Path{"conversationId"}}}})
		key := (*b.keys.Load())["genesys"].Of("genesys", nil, []byte(`{"conversationId":"a-1"}`))
		b.add(t, "a-1", key)
		b.run(t)
		b.Delivered(key, after(time.Second))
		time.Sleep(2 * time.Second)
		synctest.Wait()
		b.newer(t, key, 1)
	})
}

// A message also gets a key when its queue gets a source, or when it was an arrival of another one.
func TestKeysThatMessagesGetLaterAreKnownWithinAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		b.run(t)
		b.add(t, "a-1", 7)
		b.Delivered(7, after(time.Second))
		time.Sleep(time.Minute + 2*time.Second)
		synctest.Wait()
		b.newer(t, 7, 1)
	})
}

// Stored messages get their keys when a configuration names some, others when it names other places, and none when it
// names none.
func TestStoredMessagesGetTheKeysOfTheConfiguration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := setup(t)
		for i := range 3 {
			b.add(t, fmt.Sprintf("a-%d", i), 0)
		}
		b.run(t)
		keys := func() (keys []deadletter.OrderKey) {
			t.Helper()
			time.Sleep(2 * time.Second)
			synctest.Wait()
			keys, err := b.store.OrderKeys(t.Context(), 0, 10)
			if err != nil {
				t.Fatal(err)
			}
			return keys
		}
		for _, test := range []struct {
			name string
			key  payload.OrderKey
			want int // different keys
		}{
			{"none yet", nil, 0},
			{"one each", payload.OrderKey{{Path: payload.Path{"conversationId"}}}, 3},
			{"all the same", payload.OrderKey{{Path: payload.Path{"case"}}}, 1},
			{"none any more", payload.OrderKey{}, 0},
		} {
			b.keys.Store(&map[string]payload.OrderKey{"genesys": test.key, "other": nil})
			if got := keys(); len(got) != test.want {
				t.Errorf("%s: there are the keys %v, want %d", test.name, got, test.want)
			}
		}
	})
}
