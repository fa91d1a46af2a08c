package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// sequenceBits is how much of a message's row number tells messages of one millisecond apart.
const sequenceBits = 21

// lastOfTime is how many row numbers a millisecond has after its first.
const maxSequence = 1<<sequenceBits - 1

// lastReceipt bounds a receipt time that a message claims, so that its row number stays within 63 bits.
const maxReceiptMillis = 1<<42 - 1

// numberAt is the lowest row number that a message received at a time can have.
func firstNumberAt(at time.Time) int64 {
	return min(max(at.UnixMilli(), 0), maxReceiptMillis) << sequenceBits
}

// numbering gives new messages their row numbers, each the one after every other of its millisecond. That it seldom
// asks the store for these has several messages written at once.
type rowNumbers struct {
	known  int64           // only this run has written messages that have higher numbers
	latest map[int64]int64 // the highest number of a millisecond, by its lowest
}

// mostLatest bounds how many milliseconds are remembered.
const maxRemembered = 1000

const (
	highestNumber = `SELECT coalesce(max(n), 0) FROM messages`
	nextNumber    = `SELECT coalesce(max(n) + 1, ?1) FROM messages WHERE n BETWEEN ?1 AND ?2`
)

// begin takes account of what earlier runs have written.
func (n *rowNumbers) begin(ctx context.Context, q sqlite.Querier) error {
	n.latest = map[int64]int64{}
	if err := q.QueryRowContext(ctx, highestNumber).Scan(&n.known); err != nil {
		return fmt.Errorf("find the latest message: %w", err)
	}
	return nil
}

// next numbers messages. They are written before it is called again.
func (n *rowNumbers) next(ctx context.Context, q sqlite.Querier, list []*deadletter.Change) ([]int64, error) {
	if len(n.latest) > maxRemembered {
		n.known = max(n.known, slices.Max(slices.Collect(maps.Values(n.latest))))
		clear(n.latest)
	}
	numbers := make([]int64, len(list))
	for i := range list {
		first := firstNumberAt(list[i].After.ReceivedAt)
		latest, ok := n.latest[first]
		switch {
		case ok:
			numbers[i] = latest + 1
		case first > n.known:
			numbers[i] = first
		default:
			if err := q.QueryRowContext(ctx, nextNumber, first, first|maxSequence).Scan(&numbers[i]); err != nil {
				return nil, fmt.Errorf("number message %s: %w", list[i].After.ID, err)
			}
		}
		n.latest[first] = numbers[i]
	}
	return numbers, nil
}
