package bench_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
	"dlqdesk/internal/worker"
)

const (
	jobMessages = 10_000
	jobSlots    = 32 // half of a source's 64 places, as the program gives its worker
)

// office is a desk on a store that holds messages, with a worker that delivers to a fast destination.
type office struct {
	store   *store.Store
	desk    *desk.Desk
	worker  *worker.Worker
	client  *delivery.Client
	to      delivery.Destination
	breaker *delivery.Breaker
}

var anna = deadletter.User("anna", deadletter.Operator, "192.0.2.7")

func newOffice(b *testing.B, messages int, url string) office {
	b.Helper()
	cfg := settings(b, url, "")
	fill(b, cfg, messages)
	s, err := store.Open(
		b.Context(), filepath.Join(cfg.DataDir, "desk.db"), desktest.Key(), slog.New(slog.DiscardHandler),
	)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Close(); err != nil {
			b.Error(err)
		}
	})
	err = s.Write(b.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.AddUser(
			ctx,
			store.User{Name: "anna", Role: deadletter.Operator, PasswordHash: "x", CreatedAt: time.Now()},
			deadletter.Event{At: time.Now(), Action: "user.add"},
		)
	})
	if err != nil {
		b.Fatal(err)
	}
	o := office{store: s, client: delivery.NewClient(b.Context(), time.Now)}
	b.Cleanup(o.client.Close)
	tracker := delivery.NewTracker(delivery.TrackerDeps{
		Client: o.client, Policies: map[string]delivery.BreakerPolicy{"genesys": breakerPolicy}, Now: time.Now,
		OnChange: func() { o.worker.Kick() },
	})
	o.breaker = tracker.Breaker("genesys")
	o.to = delivery.Destination{
		Source:        "genesys",
		URL:           cfg.Sources[0].Destination,
		Timeout:       10 * time.Second,
		MaxConcurrent: 2 * jobSlots,
	}
	source := worker.Source{
		Name: "genesys", Destination: o.to, Retry: policy(), Slots: jobSlots, Breaker: o.breaker,
	}
	o.worker = worker.New(worker.Deps{
		Masks:   desktest.NoMasks,
		Store:   s,
		Sender:  tracker,
		Sources: desktest.Always([]worker.Source{source}),
		Now:     time.Now,
		Random:  func() float64 { return 0.5 },
		Log:     slog.New(slog.DiscardHandler),
	})
	o.desk = desk.New(desk.Deps{
		Masks: desktest.NoMasks,
		Store: s, Kick: o.worker.Kick, Now: time.Now,
		Sources: desktest.Always([]desk.Source{{Name: "genesys", ProbeSoon: o.breaker.ProbeSoon}}),
	})
	return o
}

// breakerPolicy is the default.
var breakerPolicy = delivery.BreakerPolicy{
	FailureRate: 0.5, Window: time.Minute, MinDeliveries: 10, Consecutive: 5,
	ProbeInterval: 15 * time.Second, ProbeTimeout: 11 * time.Second, RampStart: 20,
}

// BenchmarkReplayJob replays many messages by one job, every attempt and audit event on disk, and compares that to as
// many requests of the bare destination client.
func BenchmarkReplayJob(b *testing.B) {
	var rates, shares, costs []float64
	for range max(1, min(3, b.N)) {
		o := newOffice(b, jobMessages, destination(b, http.StatusOK, ""))
		bare, before := o.bare(b), spent(b)
		rate := o.replayAll(b)
		costs = append(costs, micros(spent(b)-before)/jobMessages)
		rates, shares = append(rates, rate), append(shares, rate/bare)
	}
	report(b, median(rates), "messages/s")
	report(b, median(costs), "cpu-µs/message")
	report(b, median(shares), "ratio-of-bare-client")
	result(b, "replay job of 10,000, messages/s", median(rates), 3000)
}

// BenchmarkJobAfterOutage replays messages by one job whose destination was down and is up again: on the ramp that
// starts at 20 a second.
func BenchmarkJobAfterOutage(b *testing.B) {
	const messages = 5000
	var took, costs []float64
	for range max(1, min(3, b.N)) {
		o := newOffice(b, messages, destination(b, http.StatusOK, ""))
		for i := range breakerPolicy.Consecutive {
			o.breaker.Record(deadletter.ID(strconv.Itoa(i)), deadletter.Attempt{Outcome: deadletter.Unreachable})
		}
		before := spent(b)
		took = append(took, messages/o.replayAll(b))
		costs = append(costs, (spent(b)-before).Seconds()*10_000/messages)
	}
	report(b, median(took), "seconds")
	report(b, median(costs), "cpu-s/10,000-messages")
	resultBelow(b, "replay job of 5,000 after an outage, seconds", median(took), 15)
}

// bare sends as many requests as a job of all messages would, and returns requests per second.
func (o office) bare(b *testing.B) float64 {
	b.Helper()
	body, started := webhook(), time.Now()
	var all sync.WaitGroup
	for range jobSlots {
		all.Go(func() {
			for range jobMessages / jobSlots {
				if a := o.client.Send(
					b.Context(), o.to, delivery.Request{Body: body, WebhookID: "w", Attempt: 2},
				); a.Outcome != deadletter.Delivered {
					b.Errorf("a request ended %s: %s", a.Outcome, a.Error)
					return
				}
			}
		})
	}
	all.Wait()
	return jobMessages / time.Since(started).Seconds()
}

func (o office) replayAll(b *testing.B) float64 {
	b.Helper()
	j, err := o.desk.FreezeMatching(b.Context(), anna, deadletter.ActReplay, store.Filter{}, "status=all")
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- o.worker.Run(ctx) }()
	started := time.Now()
	in := deadletter.JobInput{
		ConfirmUnknown: true, Count: j.Items.Total(),
		Steps: deadletter.JobSteps{Sizes: deadletter.DefaultJobSteps(j.Items.Total())},
	}
	if err := o.desk.StartJob(b.Context(), anna, j.ID, in); err != nil {
		b.Fatal(err)
	}
	for j.State != deadletter.JobDone {
		time.Sleep(10 * time.Millisecond)
		if j, err = o.store.Job(b.Context(), j.ID); err != nil {
			b.Fatal(err)
		}
	}
	rate := float64(j.Items.Done) / time.Since(started).Seconds()
	stop()
	if err := <-done; err != nil || j.Items.Failed > 0 {
		b.Fatalf("job %+v, %v", j, err)
	}
	return rate
}

// BenchmarkBadReplay replays many messages by jobs of which each goes badly in a way of its own, and reports how many
// messages each had sent for nothing when it halted.
func BenchmarkBadReplay(b *testing.B) {
	const messages, rounds = 100_000, 100
	var bad atomic.Pointer[func(n int) bool]
	var sent atomic.Int64
	o := newOffice(b, messages, serve(b, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if (*bad.Load())(int(sent.Add(1))) {
			w.WriteHeader(http.StatusUnprocessableEntity)
		}
	})))
	ctx, stop := context.WithCancel(b.Context())
	done := make(chan error, 1)
	go func() { done <- o.worker.Run(ctx) }()
	var inVain []float64
	for round := range rounds {
		from, share := 0, 1.0
		switch round % 3 {
		case 1:
			share = 0.3 + 0.7*rand.Float64()
		case 2:
			from = rand.IntN(1000)
		}
		fails := func(n int) bool { return n > from && rand.Float64() < share }
		bad.Store(&fails)
		sent.Store(0)
		if n := o.halt(b, messages); n > 0 {
			inVain = append(inVain, float64(n))
		}
	}
	stop()
	if err := <-done; err != nil {
		b.Fatal(err)
	}
	slices.Sort(inVain)
	report(b, float64(len(inVain)), "halted-of-100")
	report(b, median(inVain), "failed-p50")
	report(b, inVain[len(inVain)-1], "failed-most")
	resultBelow(b, "failed messages of a bad replay of 100,000 when it halts, %", inVain[len(inVain)-1]*100/messages, 1)
}

// halt runs a job over all failed messages until it halts, cancels it, and returns how many messages failed.
func (o office) halt(b *testing.B, messages int) int {
	b.Helper()
	status := deadletter.Failed
	j, err := o.desk.FreezeMatching(
		b.Context(), anna, deadletter.ActReplay, store.Filter{Status: status}, "status=failed",
	)
	if err != nil {
		b.Fatal(err)
	}
	in := deadletter.JobInput{
		ConfirmUnknown: true, Count: j.Items.Total(),
		Steps: deadletter.JobSteps{Sizes: deadletter.DefaultJobSteps(messages)},
	}
	if err := o.desk.StartJob(b.Context(), anna, j.ID, in); err != nil {
		b.Fatal(err)
	}
	for j.State != deadletter.JobPaused || j.Items.InFlight > 0 {
		time.Sleep(2 * time.Millisecond)
		if j, err = o.store.Job(b.Context(), j.ID); err != nil || j.State == deadletter.JobDone {
			b.Fatalf("the job is %+v, %v", j, err)
		}
	}
	if err := o.desk.CancelJob(b.Context(), anna, j.ID); err != nil {
		b.Fatal(err)
	}
	return j.Items.Failed
}

// BenchmarkFreeze fixes the messages of a job and tells for how long another write waits meanwhile.
func BenchmarkFreeze(b *testing.B) {
	o := newOffice(b, manyMessages, destination(b, http.StatusOK, ""))
	var took, waits []time.Duration
	for b.Loop() {
		stop, stopped := make(chan struct{}), make(chan []time.Duration)
		go func() { stopped <- o.writeUntil(b, stop) }()
		started := time.Now()
		if _, err := o.desk.FreezeMatching(
			b.Context(), anna, deadletter.ActArchive, store.Filter{}, "status=all",
		); err != nil {
			b.Fatal(err)
		}
		took = append(took, time.Since(started))
		close(stop)
		waits = append(waits, <-stopped...)
	}
	report(b, millis(quantile(took, 0.5)), "ms-100k-messages")
	report(b, millis(quantile(waits, 1)), "longest-wait-ms")
}

// writeUntil writes again and again, and returns how long each write took.
func (o office) writeUntil(b *testing.B, stop <-chan struct{}) (took []time.Duration) {
	for {
		started := time.Now()
		if err := o.store.Write(b.Context(), func(context.Context, *store.Tx) error { return nil }); err != nil {
			b.Error(err)
			return took
		}
		took = append(took, time.Since(started))
		select {
		case <-stop:
			return took
		default:
		}
	}
}

// BenchmarkDryRun tries a recipe on every message of a draft, each compared with the shape of what was delivered, and
// tells for how long another write waits meanwhile.
func BenchmarkDryRun(b *testing.B) {
	o := newOffice(b, manyMessages, destination(b, http.StatusOK, ""))
	o.deliver(b, 500)
	ctx, stop := context.WithCancel(b.Context())
	ended := make(chan error, 1)
	go func() { ended <- o.worker.Run(ctx) }()
	for _, r := range []struct {
		name   string
		recipe deadletter.Recipe
	}{
		{"merge", deadletter.Recipe{Text: `{"note":null,"customer":{"id":"4711"}}`}},
		{"jq", deadletter.Recipe{Kind: deadletter.JQ, Text: `.note = "short" | .customer.id = "4711"`}},
	} {
		var took, waits []time.Duration
		for range max(1, min(3, b.N)) {
			j, err := o.desk.FreezeMatching(b.Context(), anna, deadletter.ActEdit, store.Filter{}, "status=all")
			if err != nil {
				b.Fatal(err)
			}
			quit, stopped := make(chan struct{}), make(chan []time.Duration)
			go func() { stopped <- o.writeUntil(b, quit) }()
			took = append(took, o.tryOut(b, j, r.recipe))
			close(quit)
			waits = append(waits, <-stopped...)
		}
		seconds := quantile(took, 0.5).Seconds()
		report(b, manyMessages/seconds, r.name+"-messages/s")
		report(b, millis(quantile(waits, 1)), r.name+"-longest-wait-ms")
		resultBelow(b, "dry run of 100,000 messages ("+r.name+"), seconds", seconds, 10)
	}
	stop()
	if err := <-ended; err != nil {
		b.Fatal(err)
	}
}

// deliver samples delivered webhooks, all of which have a path that no failed one has.
func (o office) deliver(b *testing.B, webhooks int) {
	b.Helper()
	body := []byte(`{"eventType":"conversation:updated","n":1,"note":"x","customer":{"id":"4711","tier":"gold"}}`)
	text := payload.Decode(deadletter.Headers{"Content-Type": {"application/json"}}, body, payload.MaxShaped)
	shape := &payload.Shape{}
	for range webhooks {
		shape.Add(payload.ShapeOf(text, redact.Mask))
	}
	masks := desktest.NoMasks().Of("", "genesys").Name()
	all := map[store.ShapeKey]*payload.Shape{}
	for _, eventType := range []string{"", "conversation:updated"} {
		all[store.ShapeKey{Source: "genesys", EventType: eventType, Masks: masks}] = shape
	}
	if err := o.store.SaveSamples(b.Context(), store.Samples{Shapes: all, At: time.Now()}); err != nil {
		b.Fatal(err)
	}
}

// tryOut makes a dry run and returns how long it took.
func (o office) tryOut(b *testing.B, j deadletter.Job, recipe deadletter.Recipe) time.Duration {
	b.Helper()
	started := time.Now()
	if err := o.desk.StartDryRun(b.Context(), anna, j.ID, deadletter.RecipeUse{}, recipe); err != nil {
		b.Fatal(err)
	}
	for {
		time.Sleep(10 * time.Millisecond)
		d, err := o.store.DryRun(b.Context(), j.ID)
		if err != nil {
			b.Fatal(err)
		}
		if d.State == deadletter.DryRunDone {
			if d.Changed != j.Items.Total() || d.Differing != d.Changed {
				b.Fatalf("it came to %+v of %d", d.DryRunCounts, j.Items.Total())
			}
			return time.Since(started)
		}
	}
}
