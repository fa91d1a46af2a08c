// Package ledger keeps account of every webhook: it counts what the receiver answers, and checks that what was
// received is delivered, waits, or is a message.
//
// A delivery that succeeds leaves no trace but a count, so counts are saved about once a second, in one write, and
// never while a platform waits. They belong to a run, a life of the program, which ends with a mark of its own. A
// message's envelope names the run and the hour that it was counted in, so that its arrival in the store is set
// against that very count:
//
//   - Kept, and for a while neither arrived nor on the queue or the spool: it is lost.
//   - What a run that was killed had not saved is told by its messages: each has a number within its account, and says up to which number all
//     before it were confirmed, or refused so that nothing is owed. What can still hide is what was sent last: behind the latest message that
//     arrived, or side by side with it.
//   - Arrived, and neither counted nor numbered: an older program wrote it, and was killed; or its queue had it, and did not say so.
//   - What another receiver took has no account here, and counts as received when it arrives.
//
// Webhooks on the processing queue are counted before they leave it: what a killed run had not saved is delivered
// again, not missing. What it had kept, and is kept again, is two messages on the way, each with a receipt of its
// own, though only one message on the desk. Where other processes may work on that queue, a webhook is accounted for
// by the one that delivers it, when it does: of a delivery that succeeds elsewhere nothing comes here, so that it
// could not be told from a loss.
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
	"dlqdesk/internal/store"
)

// Recorder counts what the receiver does with webhooks.
type Recorder struct {
	store *store.Store
	run   string
	now   func() time.Time
	log   *slog.Logger

	saving sync.Mutex // held while pending is written

	mu      sync.Mutex
	pending map[store.Account]deadletter.Receipts // not written yet
	all     map[store.Account]deadletter.Receipts // of this run
	numbers map[store.Account]*deadletter.Numbering
}

const (
	saveEvery = time.Second
	saveLimit = 10 * time.Second
)

// Begin opens the books of this life of the program. The caller runs Run, and ends the books with End.
func Begin(ctx context.Context, s *store.Store, now func() time.Time, log *slog.Logger) (*Recorder, error) {
	r := &Recorder{
		store:   s,
		run:     rand.Text(),
		now:     now,
		log:     log,
		pending: map[store.Account]deadletter.Receipts{},
		all:     map[store.Account]deadletter.Receipts{},
		numbers: map[store.Account]*deadletter.Numbering{},
	}
	if err := s.BeginRun(ctx, r.run, now()); err != nil {
		return nil, err
	}
	return r, nil
}

// Name names this run in envelopes.
func (r *Recorder) Name() string { return r.run }

// Number gives a message that is about to be put on a queue its place in its account. Book settles it: it is owed
// where it was kept.
func (r *Recorder) Number(c *deadletter.Capture) {
	a := store.AccountOf(*c)
	r.mu.Lock()
	defer r.mu.Unlock()
	n, ok := r.numbers[a]
	if !ok {
		n = &deadletter.Numbering{}
		r.numbers[a] = n
	}
	c.Sequence = n.Next()
}

// Book adds to the account of a webhook. It only counts in memory.
func (r *Recorder) Book(c deadletter.Capture, n deadletter.Receipts) {
	a := store.AccountOf(c)
	r.mu.Lock()
	defer r.mu.Unlock()
	if n != (deadletter.Receipts{}) {
		r.pending[a] = r.pending[a].Add(n)
	}
	if a.Run == r.run {
		r.all[a] = r.all[a].Add(n)
	}
	if numbers, ok := r.numbers[a]; ok && c.Sequence.Number > 0 {
		numbers.Settle(c.Sequence.Number, n.Kept == 0)
	}
}

// present answers what this run has counted so far, saved or not.
func (r *Recorder) present() map[store.Account]deadletter.Receipts {
	r.mu.Lock()
	defer r.mu.Unlock()
	return maps.Clone(r.all)
}

// Save writes what was counted since the last time, if anything.
func (r *Recorder) Save(ctx context.Context) error { return r.save(ctx, false) }

// End saves what is left and closes the books: nothing is counted after it.
func (r *Recorder) End(ctx context.Context) error { return r.save(ctx, true) }

func (r *Recorder) save(ctx context.Context, end bool) error {
	r.saving.Lock()
	defer r.saving.Unlock()
	r.mu.Lock()
	counts := r.pending
	r.pending = map[store.Account]deadletter.Receipts{}
	r.mu.Unlock()
	if len(counts) == 0 && !end {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, saveLimit)
	defer cancel()
	err := r.store.SaveRun(ctx, r.run, counts, end, r.now())
	if err == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for a, n := range counts {
		r.pending[a] = r.pending[a].Add(n)
	}
	return fmt.Errorf("%d accounts of the ledger wait to be saved: %w", len(counts), err)
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
