package ledger

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// Waiting is the number of messages on the way through a stage: on its queue and on the spool.
type Waiting struct {
	Messages  int
	Retention time.Duration // of the queue; 0: for ever
}

// CountWaiting counts the messages that wait now.
type CountWaiting func(ctx context.Context) (Waiting, error)

// accounts reads saved counts and saves findings. The store implements it.
type accounts interface {
	OpenAccounts(ctx context.Context, since time.Time) ([]OpenAccount, error)
	Arrived(ctx context.Context, a Account) (int, error)
	KilledRuns(ctx context.Context, since time.Time, present string) (map[string]time.Time, error)
	KnownMissing(ctx context.Context, since time.Time) (map[Place]int, error)
	SaveMissing(ctx context.Context, changed map[Place]int) error
	Acknowledgements(ctx context.Context, since time.Time) (map[Key]Acknowledgement, error)
}

// Settings are the queues that a checker counts, and its times.
type Settings struct {
	DLQ        CountWaiting
	Processing CountWaiting  // nil if no source is buffered
	Every      time.Duration // between two checks
	Settle     time.Duration // how long a message may be on its way, and the counts of a queue may lag behind
}

const (
	// UsualEvery and UsualSettle suit SQS, whose counts may be a minute old: see "GetQueueAttributes" in the SQS API
	// reference.
	UsualEvery  = 10 * time.Second
	UsualSettle = 2 * time.Minute

	// lookBack is the age up to which an hour is checked.
	lookBack = 365 * 24 * time.Hour

	checkLimit = 10 * time.Second
)

// Checker checks whether the ledger balances.
type Checker struct {
	store    accounts
	recorder *Recorder
	settings Settings
	now      func() time.Time
	log      *slog.Logger

	mu       sync.Mutex
	state    State
	history  []sample // oldest first
	suspects map[suspect]int
}

// NewChecker returns a checker of the counts of a recorder and of all earlier runs.
func NewChecker(store accounts, r *Recorder, settings Settings, now func() time.Time, log *slog.Logger) *Checker {
	return &Checker{store: store, recorder: r, settings: settings, now: now, log: log, suspects: map[suspect]int{}}
}

// State returns the result of the latest check.
func (c *Checker) State() State {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.state
}

// OnTheirWay returns how many webhooks failed here, are safe on a queue or on disk, and are not in the store yet. Those
// that are known to be missing do not count.
func (c *Checker) OnTheirWay(ctx context.Context) (n int, err error) {
	open, err := c.store.OpenAccounts(ctx, c.now().Add(-lookBack))
	if err != nil {
		return 0, err
	}
	// An account of which counts are not saved yet may only seem to balance.
	for a := range c.recorder.unsaved() {
		if !slices.ContainsFunc(open, func(o OpenAccount) bool { return o.Account == a }) {
			arrived, err := c.store.Arrived(ctx, a)
			if err != nil {
				return 0, err
			}
			open = append(open, OpenAccount{Account: a, Arrived: arrived})
		}
	}
	present := c.recorder.present()
	for _, o := range open {
		if counts, ok := present[o.Account]; ok {
			o.Queued = counts.Queued
		}
		n += max(0, o.Queued-o.Arrived)
	}
	for _, i := range c.State().Imbalances {
		if i.Stage == StageMessages {
			n -= max(0, i.Missing)
		}
	}
	return max(0, n), nil
}

// Run checks until ctx ends.
func (c *Checker) Run(ctx context.Context) error {
	tick := time.NewTicker(c.settings.Every)
	defer tick.Stop()
	for {
		c.Once(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Once checks the ledger. If that fails, the state keeps the imbalances of the check before.
func (c *Checker) Once(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkLimit)
	defer cancel()
	list, err := c.imbalances(ctx)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.state.Unchecked = err; err != nil {
		if ctx.Err() == nil {
			c.log.WarnContext(ctx, "the ledger cannot be checked now; trying again", "err", err)
		}
		return
	}
	before := len(c.state.Wrong())
	c.state.At, c.state.Imbalances = c.now(), list
	if wrong := c.state.Wrong(); len(wrong) > before {
		i := wrong[0]
		c.log.With("source", i.Source, "hour", i.Hour, "stage", i.Stage, "missing", i.Missing).
			ErrorContext(ctx, "the ledger does not balance: see its page", "imbalances", len(wrong))
	}
}

// imbalances returns the confirmed imbalances, with those that expired apart, and their acknowledgements.
func (c *Checker) imbalances(ctx context.Context) ([]Imbalance, error) {
	now, err := c.check(ctx)
	if err != nil {
		return nil, err
	}
	list, err := c.splitExpired(ctx, c.confirm(now.list), now.retention)
	if err != nil {
		return nil, err
	}
	return c.acknowledged(ctx, list)
}

// Reload reads the acknowledgements made since the latest check.
func (c *Checker) Reload(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, err := c.acknowledged(ctx, slices.Clone(c.state.Imbalances))
	if err == nil {
		c.state.Imbalances = list
	}
	return err
}

func (c *Checker) acknowledged(ctx context.Context, list []Imbalance) ([]Imbalance, error) {
	acks, err := c.store.Acknowledgements(ctx, c.now().Add(-lookBack))
	for n, i := range list {
		list[n].Ack = acks[i.Key()]
	}
	return list, err
}

// suspect identifies an imbalance from one check to the next.
type suspect struct {
	hour      time.Time
	source    string
	stage     Stage
	surplus   bool
	explained bool
}

func suspectOf(i Imbalance) suspect {
	return suspect{i.Hour, i.Source, i.Stage, i.Missing < 0, i.Explained()}
}

// confirm returns the imbalances that the check before found as well, with the smaller of the two amounts: counts that
// are not read at the same moment differ now and then.
func (c *Checker) confirm(found []Imbalance) []Imbalance {
	suspects := map[suspect]int{}
	var list []Imbalance
	for _, i := range found {
		at, n := suspectOf(i), i.Missing
		suspects[at] = n
		before, ok := c.suspects[at]
		if !ok {
			continue
		}
		if i.Missing = min(n, before); n < 0 {
			i.Missing = max(n, before)
		}
		list = append(list, i)
	}
	c.suspects = suspects
	return list
}

// findings are the imbalances at one moment, the newest first, and the retention of each stage's queue.
type findings struct {
	list      []Imbalance
	retention map[Stage]time.Duration
}

// check returns every imbalance at this moment.
func (c *Checker) check(ctx context.Context) (findings, error) {
	since := c.now().Add(-lookBack)
	// The queues are counted before and after the accounts are read. The larger count was true in between, whether the
	// queue fills or empties.
	before, err := c.countWaiting(ctx)
	if err != nil {
		return findings{}, err
	}
	open, err := c.store.OpenAccounts(ctx, since)
	if err != nil {
		return findings{}, err
	}
	killed, err := c.store.KilledRuns(ctx, since, c.recorder.run)
	if err != nil {
		return findings{}, err
	}
	// The counts of this run are read after the arrivals, so they are never behind them.
	present := c.recorder.present()
	after, err := c.countWaiting(ctx)
	if err != nil {
		return findings{}, err
	}
	for i, o := range open {
		if n, ok := present[o.Account]; ok {
			open[i].Counts = n
		}
	}
	settled := c.settled(open)
	retention := map[Stage]time.Duration{}
	found := surplus(open, killed)
	for _, stage := range []Stage{StageMessages, StageProcessing} {
		found = append(found, missing(open, settled, stage, max(before[stage].Messages, after[stage].Messages))...)
		retention[stage] = after[stage].Retention
	}
	slices.SortFunc(found, func(a, b Imbalance) int {
		return cmp.Or(
			b.Hour.Compare(a.Hour), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Stage, b.Stage),
			cmp.Compare(b.Missing, a.Missing),
		)
	})
	return findings{found, retention}, nil
}

func (c *Checker) countWaiting(ctx context.Context) (map[Stage]Waiting, error) {
	dlq, err := c.settings.DLQ(ctx)
	waiting := map[Stage]Waiting{StageMessages: dlq}
	if c.settings.Processing != nil {
		var fault error
		waiting[StageProcessing], fault = c.settings.Processing(ctx)
		err = errors.Join(err, fault)
	}
	return waiting, err
}

// sample are the counts of accounts at one time.
type sample struct {
	at     time.Time
	counts map[Account]Counts
}

// settled returns the counts of each account from Settings.Settle ago: all of those must have arrived by now.
func (c *Checker) settled(open []OpenAccount) map[Account]Counts {
	counts := map[Account]Counts{}
	for _, o := range open {
		counts[o.Account] = o.Counts
	}
	now := c.now()
	c.history = append(c.history, sample{now, counts})
	var past map[Account]Counts
	for len(c.history) > 0 && now.Sub(c.history[0].at) >= c.settings.Settle {
		past = c.history[0].counts
		if len(c.history) == 1 || now.Sub(c.history[1].at) < c.settings.Settle {
			break
		}
		c.history = c.history[1:]
	}
	return past
}
