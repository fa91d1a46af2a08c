package search

import (
	"context"
	"slices"

	"dlqdesk/internal/sqlite"
)

// events are events of the trail: those after one number and up to another.
type events struct{ after, upto int64 }

// progress says which events are indexed: all up to the newest, except for gaps.
//
// Example: 5,000 events come at once. The batches are 3,001 to 5,000, which leaves the gap after 0 up to 3,000; then
// those that came meanwhile; then 1,001 to 3,000; then the rest.
type progress struct {
	newest int64
	gaps   []events // in order
}

// remaining returns how many events are not indexed, given the latest event of the trail.
func (p progress) remaining(latest int64) int64 {
	n := max(0, latest-p.newest)
	for _, gap := range p.gaps {
		n += gap.upto - gap.after
	}
	return n
}

// next returns the newest events that are not indexed, a batch at most. There must be some.
func (p progress) next(latest int64) events {
	open := events{p.newest, latest}
	if latest <= p.newest {
		open = p.gaps[len(p.gaps)-1]
	}
	return events{max(open.after, open.upto-batchEvents), open.upto}
}

// with returns the progress once the newest events that were not indexed are.
func (p progress) with(indexed events) progress {
	gaps, before := slices.Clone(p.gaps), p.newest
	if indexed.upto <= p.newest {
		last := len(gaps) - 1
		before, gaps = gaps[last].after, gaps[:last]
	}
	if before < indexed.after {
		gaps = append(gaps, events{before, indexed.after})
	}
	return progress{max(p.newest, indexed.upto), gaps}
}

// write writes the progress. link is that of the newest event.
func (p progress) write(ctx context.Context, tx *sqlite.Tx, link []byte) error {
	if _, err := tx.ExecContext(ctx, movePosition, p.newest, link); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, removeGaps); err != nil {
		return err
	}
	for _, gap := range p.gaps {
		if _, err := tx.ExecContext(ctx, addGap, gap.after, gap.upto); err != nil {
			return err
		}
	}
	return nil
}
