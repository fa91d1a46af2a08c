// Package worker claims the messages that are due (automatic retries, replays, redrives and the messages of jobs),
// delivers them and stores the results. It writes the open attempt and its lease before it sends, and finishes both
// afterwards: a crash in between leaves a lease that the next start reclaims with an unknown outcome, so that no
// delivery is lost or hidden. It also changes the states of causes that change by themselves. It must not decide who
// may replay, or send anything that was not claimed.
package worker

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/memory"
	"dlqdesk/internal/pressure"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// Source is where the messages of a source go and how they are retried. The source named "" is that of messages without
// a source.
type Source struct {
	Name        string
	Destination delivery.Destination
	Retry       deadletter.RetryPolicy
	Slots       int    // deliveries of this source that may be in flight at once
	Thing       string // a noun for what its order key identifies, see payload.OrderKey
	Breaker     Breaker
}

func (s Source) slots() int { return max(1, s.Slots) }

// JobSlots returns how many of the slots jobs may use. The rest is for retries and single replays, which must not wait
// behind a job.
func (s Source) JobSlots() int { return s.slots() - s.slots()/4 }

// Breaker delays automatic deliveries (retries and the messages of jobs) while a destination is down or has asked for
// a pause. Replays of single messages pass it by.
type Breaker interface {
	// Allow returns how many of the waiting deliveries may begin. more reports that others may wait besides.
	Allow(waiting int, more bool) delivery.Allowance

	// Status returns the current state.
	Status() delivery.BreakerStatus

	// GiveBack reports that n of the allowed deliveries are not sent: others may go in their place.
	GiveBack(n int)
}

// Worker makes every delivery of a message in the store, and the changes of jobs. Only one Worker may run on a store at
// a time.
type Worker struct {
	store      *store.Store
	sender     delivery.Sender
	now        func() time.Time
	roll       func() float64
	log        *slog.Logger
	masks      func() *redact.Masks
	sources    func() []Source
	jobs       *jobLoop
	dryRuns    *dryRunLoop
	causes     *causeLoop
	redrives   map[string]*redriveLoop // by queue
	jobRates   jobRates
	jobWindows jobWindows
	recipes    recipes
	kicked     chan struct{} // wakes Run
	loops      sourceLoops

	rulesKicked chan struct{}  // wakes runRules
	large       *memory.Budget // bytes of long bodies in memory
	pressure    *pressure.Gauge

	delivered func(source string, masks *redact.Rules, headers deadletter.Headers, body []byte)
}

// Deps are the parts that a worker needs.
type Deps struct {
	Store   *store.Store
	Sender  delivery.Sender
	Sources func() []Source      // as configured at the moment
	Masks   func() *redact.Masks // likewise
	Queues  []Queue              // those that messages can be redriven from
	Now     func() time.Time
	Random  func() float64 // in [0,1), for the jitter of retries
	Log     *slog.Logger

	// Pressure is a gauge: while it is high, automatic retries are claimed once in turnEvery.
	Pressure *pressure.Gauge

	// Delivered is told of each delivered message. It must not block. nil: nothing is told.
	Delivered func(source string, masks *redact.Rules, headers deadletter.Headers, body []byte)
}

// New returns a worker. It does nothing before Run.
func New(d Deps) *Worker {
	if d.Delivered == nil {
		d.Delivered = func(string, *redact.Rules, deadletter.Headers, []byte) {}
	}
	w := &Worker{
		store:   d.Store,
		sender:  d.Sender,
		now:     d.Now,
		roll:    d.Random,
		log:     d.Log,
		masks:   d.Masks,
		sources: d.Sources,
		kicked:  make(chan struct{}, 1),

		rulesKicked: make(chan struct{}, 1),

		redrives: map[string]*redriveLoop{},
		large:    memory.NewBudget(largeBodies),
		pressure: d.Pressure,

		delivered: d.Delivered,
	}
	w.causes = &causeLoop{w: w}
	w.jobs = &jobLoop{w: w, kicked: make(chan struct{}, 1)}
	w.dryRuns = &dryRunLoop{w: w, kicked: make(chan struct{}, 1), turns: w.pressure.NewTurns(turnEvery)}
	for _, q := range d.Queues {
		w.redrives[q.Name] = newRedriveLoop(w, q)
	}
	return w
}

// Kick wakes the loops because something may be due now, or sources are configured differently. It never blocks.
func (w *Worker) Kick() {
	for _, kicked := range []chan struct{}{w.kicked, w.rulesKicked} {
		select {
		case kicked <- struct{}{}:
		default:
		}
	}
	w.loops.wake()
	for _, r := range w.redrives {
		r.wake()
	}
	w.jobs.wake()
	w.dryRuns.wake()
}

// Run reclaims the deliveries of a dead process, then delivers until ctx ends. It returns when no delivery is in flight
// any more; the timeouts of the destinations bound that.
func (w *Worker) Run(ctx context.Context) error {
	err := w.recoverUntilWritten(ctx)
	if ctx.Err() != nil {
		return nil
	}
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	running.Go(func() { w.runSources(ctx) })
	for _, r := range w.redrives {
		running.Go(func() { r.run(ctx) })
	}
	running.Go(func() { w.jobs.run(ctx) })
	running.Go(func() { w.dryRuns.run(ctx) })
	running.Go(func() { w.causes.run(ctx) })
	running.Go(func() { w.runRules(ctx) })
	running.Wait()
	return nil
}
