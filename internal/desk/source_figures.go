package desk

import (
	"context"
	"errors"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// SourceFigures are the numbers of each source: of the last day, and of open messages now.
type SourceFigures struct {
	At, From, To time.Time
	Received     map[string]int
	Tallies      map[string]store.Tally
	Counts       map[string]map[deadletter.Status]int
	Refusals     []store.ReasonRefusals // of one source, or of no configured source
}

// Figures of sources cover whole hours, the current one included, like the ledger, so that they can be compared.
const (
	figuresSpan = 24 * time.Hour
	figuresStep = time.Hour
)

// SourceFigures returns the figures of one source, or of all if source is empty. It returns Forbidden for those of all
// if the actor is limited to some sources.
func (d *Desk) SourceFigures(ctx context.Context, by deadletter.Actor, source string) (f SourceFigures, err error) {
	if err := errors.Join(by.May(deadletter.ActView), by.ReachesSource(source)); err != nil {
		return f, err
	}
	f.At, f.Tallies = d.now().UTC(), map[string]store.Tally{}
	f.To = f.At.Truncate(figuresStep).Add(figuresStep)
	f.From = f.To.Add(-figuresSpan)
	tallies, err := d.store.Tallies(ctx, store.TallyQuery{Source: source, From: f.From, To: f.To, Step: figuresStep})
	if err != nil {
		return f, err
	}
	for _, t := range tallies {
		sum := f.Tallies[t.Source]
		sum.Failed, sum.ByRetry, sum.ByPeople = sum.Failed+t.Failed, sum.ByRetry+t.ByRetry, sum.ByPeople+t.ByPeople
		f.Tallies[t.Source] = sum
	}
	if f.Received, err = d.store.Received(ctx, source, f.From, f.To); err != nil {
		return f, err
	}
	if f.Counts, err = d.store.CountsBySource(ctx); err != nil {
		return f, err
	}
	f.Refusals, err = d.store.Refusals(ctx, source)
	return f, err
}
