package ledger

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"time"

	"dlqdesk/internal/deadletter"
)

// runs saves the counts of runs. The store implements it.
type runs interface {
	BeginRun(ctx context.Context, run string, at time.Time) error
	SaveRun(ctx context.Context, run string, counts map[Account]Counts, ended bool, at time.Time) error
	SaveRefusals(ctx context.Context, refused map[RefusalKey]Refusals) error
}

// Recorder counts what the receiver does with webhooks.
type Recorder struct {
	store runs
	run   string
	now   func() time.Time
	log   *slog.Logger

	saving sync.Mutex // held while pending is written

	mu      sync.Mutex
	pending map[Account]Counts // not written yet
	all     map[Account]Counts // of this run
	numbers map[Account]*Numbering

	refused      map[RefusalKey]Refusals // not written yet
	refusedSaved time.Time
}

const (
	saveEvery = time.Second
	saveLimit = 10 * time.Second
)

// Begin starts the ledger of this life of the program. The caller runs Run, and finishes with End.
func Begin(ctx context.Context, store runs, now func() time.Time, log *slog.Logger) (*Recorder, error) {
	r := &Recorder{
		store:   store,
		run:     rand.Text(),
		now:     now,
		log:     log,
		pending: map[Account]Counts{},
		all:     map[Account]Counts{},
		numbers: map[Account]*Numbering{},
		refused: map[RefusalKey]Refusals{},
	}
	if err := store.BeginRun(ctx, r.run, now()); err != nil {
		return nil, err
	}
	return r, nil
}

// RunID returns the id of this run, which envelopes carry.
func (r *Recorder) RunID() string { return r.run }

// Number numbers a message within its account before it is sent to a queue. Record must follow: it settles the number.
func (r *Recorder) Number(c *deadletter.Capture) {
	a := AccountOf(*c)
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.numbers[a]
	if !ok {
		n = &Numbering{}
		r.numbers[a] = n
	}
	c.Sequence = n.Next()
}

// Record adds counts to the account of a webhook, in memory, and settles its number.
func (r *Recorder) Record(c deadletter.Capture, n Counts) {
	a := AccountOf(c)
	r.mu.Lock()
	defer r.mu.Unlock()
	if n != (Counts{}) {
		r.pending[a] = r.pending[a].Add(n)
	}
	if a.Run == r.run {
		r.all[a] = r.all[a].Add(n)
	}
	if numbers, ok := r.numbers[a]; ok && c.Sequence.Number > 0 {
		numbers.Settle(c.Sequence.Number, n.Queued == 0)
	}
}

// present returns the counts of this run so far, saved or not.
func (r *Recorder) present() map[Account]Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.all)
}

// unsaved returns the counts that are not written yet.
func (r *Recorder) unsaved() map[Account]Counts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.pending)
}

// Save writes the counts since the last save.
func (r *Recorder) Save(ctx context.Context) error { return r.save(ctx, false) }

// End saves the remaining counts and marks the run as ended. Record must not be called after it.
func (r *Recorder) End(ctx context.Context) error { return r.save(ctx, true) }

func (r *Recorder) save(ctx context.Context, end bool) error {
	r.saving.Lock()
	defer r.saving.Unlock()
	refusedErr := r.saveRefused(ctx, end)
	r.mu.Lock()
	counts := r.pending
	r.pending = map[Account]Counts{}
	r.mu.Unlock()
	if len(counts) == 0 && !end {
		return refusedErr
	}
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	err := r.store.SaveRun(ctx, r.run, counts, end, r.now())
	if err == nil {
		return refusedErr
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for a, n := range counts {
		r.pending[a] = r.pending[a].Add(n)
	}
	return fmt.Errorf("%d accounts of the ledger are not saved yet: %w", len(counts), err)
}

func (r *Recorder) saveRefused(ctx context.Context, all bool) error {
	refused := r.takeRefused(all)
	if len(refused) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	err := r.store.SaveRefusals(ctx, refused)
	if err != nil {
		r.keepRefused(refused)
		return fmt.Errorf("counts of refused requests are not saved yet: %w", err)
	}
	return nil
}

// Run saves about once a second until ctx ends.
func (r *Recorder) Run(ctx context.Context) error {
	tick := time.NewTicker(saveEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := r.Save(ctx); err != nil && ctx.Err() == nil {
			r.log.ErrorContext(ctx, "the ledger could not be saved; trying again", "err", err)
		}
	}
}
