package worker_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
	"dlqdesk/internal/worker"
)

// bundle is a worker at work on a real store, with a desk to give it orders.
type bundle struct {
	*desk.Desk
	worker      *worker.Worker
	another     func() *worker.Worker // makes a worker like it
	store       *store.Store
	clock       *desktest.Clock
	destination *desktest.Destination
	breaker     *countingBreaker
	sources     *atomic.Pointer[[]worker.Source] // as configured at the moment
	delivered   chan string                      // of which the worker told
}

var breaker = delivery.BreakerPolicy{
	FailureRate: 0.5, Window: time.Minute, MinDeliveries: 5, ProbeInterval: 15 * time.Second, RampStart: 2,
}

var anna = deadletter.User("anna", deadletter.Operator, "192.0.2.7")

func setup(t *testing.T) bundle {
	t.Helper()
	return setupWith(t, nil)
}

func setupWith(t *testing.T, queues []worker.Queue, more ...worker.Source) bundle {
	t.Helper()
	b := bundle{
		store: desktest.NewStore(t), clock: desktest.NewClock(), destination: desktest.NewDestination(t),
		delivered: make(chan string, 10_000),
	}
	client := delivery.NewClient(t.Context(), time.Now)
	t.Cleanup(client.Close)
	sources := append(more, worker.Source{
		Name: "genesys",
		Destination: delivery.Destination{
			Source:        "genesys",
			URL:           b.destination.URL,
			Timeout:       5 * time.Second,
			MaxConcurrent: 8,
		},
		Retry: desktest.Policy(),
		Slots: 8,
	})
	tracker := delivery.NewTracker(delivery.TrackerDeps{
		Client:   client,
		Policies: map[string]delivery.BreakerPolicy{"genesys": breaker, "slow": breaker},
		OnChange: func() { b.worker.Kick() },
		Now:      b.clock.Now,
	})
	for i := range sources {
		counting := &countingBreaker{Breaker: tracker.Breaker(sources[i].Name)}
		if sources[i].Breaker = counting; sources[i].Name == "genesys" {
			b.breaker = counting
		}
	}
	b.sources = &atomic.Pointer[[]worker.Source]{}
	b.sources.Store(&sources)
	b.another = func() *worker.Worker {
		return worker.New(worker.Deps{
			Masks:   desktest.NoMasks,
			Store:   b.store,
			Sender:  tracker,
			Sources: func() []worker.Source { return *b.sources.Load() },
			Queues:  queues,
			Now:     b.clock.Now,
			Random:  func() float64 { return 0.5 },
			Log:     desktest.Log(t),
			Delivered: func(source string, _ *redact.Rules, _ deadletter.Headers, body []byte) {
				select {
				case b.delivered <- source + " " + string(body):
				default:
				}
			},
		})
	}
	b.worker = b.another()
	origins := map[string]desk.Origin{}
	for _, q := range queues {
		if from, ok := q.Route.(desk.Origin); ok {
			origins[q.Name] = from
		}
	}
	b.Desk = desk.New(desk.Deps{
		Masks: desktest.NoMasks,
		Store: b.store,
		Sources: desktest.Always([]desk.Source{
			{Name: "genesys", Probe: b.breaker.ProbeNow, ProbeSoon: b.breaker.ProbeSoon, Waits: b.breaker.Waits},
			{Name: "slow"},
		}),
		Origins: origins,
		Kick:    b.worker.Kick,
		Now:     b.clock.Now,
	})
	return b
}

// run starts the worker; it ends, with every delivery done, before the test does.
func (b bundle) run(t *testing.T) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.worker.Run(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("worker: %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// becomes waits until a message has a status.
func (b bundle) becomes(t *testing.T, id deadletter.ID, want deadletter.Status) deadletter.Message {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	limit := time.After(20 * time.Second)
	for {
		l := desktest.Message(t, b.store, id)
		if l.Status == want {
			return l
		}
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("message %s is %s, want %s", id, l.Status, want)
		}
	}
}

func (b bundle) replay(t *testing.T, l deadletter.Message, revision int) {
	t.Helper()
	cmd := desk.SendCommand{Revision: revision, ConfirmUnknown: true}
	if _, err := b.Replay(t.Context(), anna, desk.Ref{ID: l.ID, Version: l.Version}, cmd); err != nil {
		t.Fatal(err)
	}
}

func (b bundle) attempts(t *testing.T, id deadletter.ID) []deadletter.Attempt {
	t.Helper()
	list, err := b.store.Attempts(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestRequestedReplayIsDeliveredOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	l := desktest.Receive(t, b.store, desktest.Failure("a-1", 422, b.clock.Now()))
	b.run(t)
	b.replay(t, l, 0)
	b.becomes(t, "a-1", deadletter.Resolved)
	got := b.attempts(t, "a-1")
	if len(got) != 2 || got[0].Trigger != deadletter.TriggerReplay || got[0].Actor != "anna" ||
		got[0].Outcome != deadletter.Delivered ||
		!got[0].Done {
		t.Errorf("attempts %+v", got)
	}
	if told := <-b.delivered; len(b.delivered) > 0 ||
		told != "genesys "+string(desktest.Failure("a-1", 422, b.clock.Now()).Body) {
		t.Errorf("told of the delivery of %q", told)
	}
	received := b.destination.Received()
	if len(received) != 1 || received[0].Header.Get("Webhook-Id") != "a-1" ||
		received[0].Header.Get("X-Dlqdesk-Attempt") != "2" ||
		received[0].Header.Get("Authorization") != "Bearer s3cret" ||
		received[0].Header.Get("Traceparent") != got[0].TraceParent {
		t.Errorf("received %+v", received)
	}
	events, err := b.store.Events(
		t.Context(), store.EventQuery{EventFilter: store.EventFilter{Target: "a-1"}, Limit: 10},
	)
	if err != nil || len(events.Items) != 4 || events.Items[0].Action != "attempt.delivered" ||
		events.Items[0].By != "anna" {
		t.Errorf("events %+v, %v", events.Items, err)
	}
}

func TestRetryWaitsForItsTimeAndEndsAfterTheLast(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := desktest.Receive(t, b.store, desktest.Failure("a-1", 503, b.clock.Now()))
	b.run(t)
	for made := 1; made < desktest.Policy().MaxAttempts; made++ {
		if l.Status != deadletter.Retrying || l.AutoAttempts != made || len(b.destination.Received()) != made-1 {
			t.Fatalf("after %d attempts the message is %s with %d, %d deliveries", made, l.Status, l.AutoAttempts,
				len(b.destination.Received()))
		}
		b.clock.Add(l.DueAt.Sub(b.clock.Now()))
		b.worker.Kick()
		b.destination.Await(t)
		want := deadletter.Retrying
		if made+1 == desktest.Policy().MaxAttempts {
			want = deadletter.Failed
		}
		l = b.becomes(t, "a-1", want)
	}
	if !l.DueAt.IsZero() || l.Reason != "CRM is down" || len(b.attempts(t, "a-1")) != 5 {
		t.Errorf("message %+v", l)
	}
}

func TestPermanentErrorEndsRetries(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	l := desktest.Receive(t, b.store, desktest.Failure("a-1", 503, b.clock.Now()))
	b.clock.Add(l.DueAt.Sub(b.clock.Now()))
	b.run(t)
	if l := b.becomes(t, "a-1", deadletter.Failed); l.AutoAttempts != 2 || l.StatusCode != 422 {
		t.Errorf("message %+v", l)
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.destination.Set(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Retry-After", "600")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	l := desktest.Receive(t, b.store, desktest.Failure("a-1", 503, b.clock.Now()))
	b.clock.Add(l.DueAt.Sub(b.clock.Now()))
	b.run(t)
	b.destination.Await(t)
	if l := b.becomes(t, "a-1", deadletter.Retrying); !l.DueAt.Equal(b.clock.Now().Add(10 * time.Minute)) {
		t.Errorf("due %s, now %s", l.DueAt, b.clock.Now())
	}
}

func TestDeliveryOfKilledProcessIsUnknownAndRetried(t *testing.T) {
	t.Parallel()
	b := setup(t)
	l := desktest.Receive(t, b.store, desktest.Failure("a-1", 503, b.clock.Now()))
	claim, err := l.Claim(deadletter.Lease{Token: "dead", Until: l.DueAt.Add(time.Minute)}, "", l.DueAt)
	if err != nil {
		t.Fatal(err)
	}
	if err := b.store.Write(
		t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Apply(ctx, claim) },
	); err != nil {
		t.Fatal(err)
	}
	if err := b.worker.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	l = desktest.Message(t, b.store, "a-1")
	got := b.attempts(t, "a-1")
	if l.Status != deadletter.Retrying || l.Lease.Token != "" || got[0].Outcome != deadletter.Unknown || !got[0].Done ||
		!strings.Contains(got[0].Error, "may have processed it") {
		t.Errorf("message %+v, attempt %+v", l, got[0])
	}
	// The dead process's own result, should it still come, is refused.
	if _, err := l.Finish("dead", got[0], desktest.Policy(), 0, b.clock.Now()); deadletter.KindOf(
		err,
	) != deadletter.Conflict {
		t.Errorf("a lost lease finishes: %v", err)
	}
}

func TestMessagesOfARemovedSourceFail(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := desktest.Failure("a-1", 503, b.clock.Now())
	c.Source = "gone"
	desktest.Receive(t, b.store, c)
	if err := b.worker.Recover(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l := desktest.Message(t, b.store, "a-1"); l.Status != deadletter.Failed ||
		!strings.Contains(l.Reason, `"gone" is not configured`) {
		t.Errorf("message %s: %s", l.Status, l.Reason)
	}
}

func TestReplaySendsTheChosenRevision(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	l := desktest.Receive(t, b.store, desktest.Failure("a-1", 422, b.clock.Now()))
	b.run(t)
	edit := desk.Edit{
		Body:    []byte(`{"id":7}`),
		Headers: deadletter.Headers{"X-Edited": {"yes"}},
		Reason:  "the id was missing",
	}
	if _, err := b.EditAndReplay(t.Context(), anna, desk.Ref{ID: l.ID, Version: l.Version}, edit); err != nil {
		t.Fatal(err)
	}
	b.replay(t, b.becomes(t, "a-1", deadletter.Failed), 0)
	b.replay(t, b.becomes(t, "a-1", deadletter.Failed), 1)
	b.becomes(t, "a-1", deadletter.Failed)
	received := b.destination.Received()
	if len(received) != 3 || string(received[0].Body) != `{"id":7}` || received[0].Header.Get("X-Edited") != "yes" ||
		string(received[1].Body) != string(
			desktest.Failure("a-1", 422, b.clock.Now()).Body,
		) || string(received[2].Body) != `{"id":7}` {
		t.Errorf("received %+v", received)
	}
}

// While the breaker is open, retries wait without using up attempts. A probe finds that the destination is up, and
// the backlog is delivered on the ramp.
func TestRetriesWaitWhileADestinationIsDown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.destination.Set(desktest.Answer(http.StatusServiceUnavailable, `{}`))
	const messages = 30
	for i := range messages {
		desktest.Receive(t, b.store, desktest.Failure(fmt.Sprintf("a-%d", i), 503, b.clock.Now()))
	}
	b.run(t)
	b.clock.Add(time.Minute)
	b.worker.Kick()
	b.settles(t, delivery.Open)
	tried := len(b.destination.Received())
	if tried < breaker.MinDeliveries || tried >= 8+breaker.MinDeliveries {
		t.Errorf(
			"%d deliveries were made before the destination counted as down, want %d and those that were in "+
				"flight meanwhile",
			tried,
			breaker.MinDeliveries,
		)
	}
	if held, err := b.store.Overdue(t.Context(), "genesys", b.clock.Now()); err != nil || held != messages-tried {
		t.Errorf("%d messages are held, %v, want %d", held, err, messages-tried)
	}
	b.clock.Add(breaker.ProbeInterval)
	b.worker.Kick()
	b.received(t, tried+1)
	b.clock.Add(time.Second)
	b.worker.Kick()

	// Replays by people do not wait for the breaker.
	ordered := desktest.Receive(t, b.store, desktest.Failure("b-1", 422, b.clock.Now()))
	b.replay(t, ordered, 0)
	b.received(t, tried+2)

	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	b.breaker.ProbeNow()
	b.worker.Kick()
	b.settles(t, delivery.HalfOpen)
	b.passSecond(t)
	b.clock.Add(time.Minute)
	b.until(t, func() bool {
		b.clock.Add(time.Second)
		b.worker.Kick()
		state := b.breaker.Status().State
		return state == delivery.Closed && len(b.destination.Received()) == tried+3+messages
	})
}

// settles waits until the breaker is in a state and nothing is in flight.
func (b bundle) settles(t *testing.T, want delivery.BreakerState) {
	t.Helper()
	b.until(t, func() bool {
		state := b.breaker.Status().State
		leased, err := b.store.Leased(t.Context(), 1)
		return state == want && err == nil && len(leased) == 0
	})
}

// received waits until so many deliveries were made and their results are written.
func (b bundle) received(t *testing.T, want int) {
	t.Helper()
	b.until(t, func() bool {
		leased, err := b.store.Leased(t.Context(), 1)
		return len(b.destination.Received()) >= want && err == nil && len(leased) == 0
	})
	if n := len(b.destination.Received()); n != want {
		t.Fatalf("%d deliveries were made, want %d", n, want)
	}
}

func (b bundle) until(t *testing.T, right func() bool) {
	t.Helper()
	limit := time.After(30 * time.Second)
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for !right() {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("it does not come so far: %d deliveries, the breaker is %+v", len(b.destination.Received()),
				b.breaker.Status())
		}
	}
}

func TestHangingDestinationDelaysNoOtherSource(t *testing.T) {
	t.Parallel()
	slow := desktest.NewDestination(t)
	release := make(chan struct{})
	slow.Set(func(http.ResponseWriter, *http.Request) { <-release })
	b := setupWith(t, nil, worker.Source{
		Name:        "slow",
		Destination: delivery.Destination{Source: "slow", URL: slow.URL, Timeout: 5 * time.Second, MaxConcurrent: 1},
		Retry:       desktest.Policy(),
		Slots:       1,
	})
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	c := desktest.Failure("s-1", 422, b.clock.Now())
	c.Source = "slow"
	hanging := desktest.Receive(t, b.store, c)
	quick := desktest.Receive(t, b.store, desktest.Failure("a-1", 422, b.clock.Now()))
	stop := b.run(t)
	b.replay(t, hanging, 0)
	slow.Await(t)
	b.replay(t, quick, 0)
	b.becomes(t, "a-1", deadletter.Resolved)
	if l := desktest.Message(t, b.store, "s-1"); l.Status != deadletter.Replaying || l.Lease.Token == "" {
		t.Errorf("the hanging message is %s", l.Status)
	}
	// Stopping waits for the delivery in flight and records it.
	close(release)
	stop()
	if l := desktest.Message(t, b.store, "s-1"); l.Status != deadletter.Resolved {
		t.Errorf("after the stop the message is %s", l.Status)
	}
}

var bodies = []string{
	"",
	" ",
	"{\"a\" :\t1}\r\n",
	`{"n":12345678901234567890.50,"n":1}`,
	"\xff\xfe",
	"\x00\x01",
	"{\"t\":\"\xff\"}",
	`{"t":"🙏 \ud83d"}`,
	"text",
	"<x/>",
	"null",
	"{",
}

func FuzzUneditedReplayIsByteIdentical(f *testing.F) {
	for _, body := range bodies {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		b := setup(t)
		b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
		c := desktest.Failure("a-1", 422, b.clock.Now())
		c.Body = body
		l := desktest.Receive(t, b.store, c)
		stop := b.run(t)
		b.replay(t, l, 0)
		b.becomes(t, "a-1", deadletter.Resolved)
		stop()
		if got := b.destination.Received()[0].Body; !bytes.Equal(got, body) {
			t.Errorf("%q was replayed as %q", body, got)
		}
	})
}

// The claim of a message holds the first part of a long body; each way of delivering it sends the whole.
func TestLongBodyIsDeliveredWhole(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.destination.Set(desktest.Answer(http.StatusOK, `{}`))
	long := `{"x":"` + strings.Repeat("0123456789", store.BodyPart/5) + `","a":1}`
	want := map[string]string{"replayed": long, "by-job": long, "edited": strings.Replace(long, `"a":1`, `"a":2`, 1)}
	var sent []string
	b.run(t)
	for id, body := range want {
		c := desktest.Failure(id, 422, b.clock.Now())
		c.Body = []byte(long)
		m := desktest.Receive(t, b.store, c)
		input := deadletter.JobInput{Reason: "why"} // all others are resolved
		switch id {
		case "replayed":
			b.replay(t, m, 0)
		case "by-job":
			b.begin(t, deadletter.ActReplay, input)
		case "edited":
			input.Recipe.Text = `{"a":2}`
			b.begin(t, deadletter.ActEdit, input)
		}
		b.becomes(t, m.ID, deadletter.Resolved)
		sent = append(sent, body)
	}
	for i, got := range b.destination.Received() {
		if string(got.Body) != sent[i] {
			t.Errorf("delivery %d has %d bytes of %d", i, len(got.Body), len(sent[i]))
		}
	}
}
