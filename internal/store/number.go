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

// sequenceBits is the part of a message's row number that tells messages of one millisecond apart.
const sequenceBits = 21

// maxSequence is the highest sequence number of a millisecond.
const maxSequence = 1<<sequenceBits - 1

// maxReceiptMillis bounds the receipt time that a message claims, so that its row number stays within 63 bits.
const maxReceiptMillis = 1<<42 - 1

// firstNumberAt returns the lowest row number of a message received at a time.
func firstNumberAt(at time.Time) int64 {
	return min(max(at.UnixMilli(), 0), maxReceiptMillis) << sequenceBits
}

// rowNumbers gives new messages their row numbers: the first free one of their millisecond. It reads the store only for
// a millisecond before its start. Example: the second message received at 2,000 ms gets 2000<<21 + 1.
type rowNumbers struct {
	known  int64           // only this run has written messages that have higher numbers
	latest map[int64]int64 // the highest number of a millisecond, by its lowest
}

// maxRemembered bounds how many milliseconds are remembered.
const maxRemembered = 1000

const (
	highestNumber = `SELECT coalesce(max(n), 0) FROM messages`
	nextNumber    = `SELECT coalesce(max(n) + 1, ?1) FROM messages WHERE n BETWEEN ?1 AND ?2`
)

// begin reads the highest number of earlier runs.
func (n *rowNumbers) begin(ctx context.Context, q sqlite.Querier) error {
	n.latest = map[int64]int64{}
	if err := q.QueryRowContext(ctx, highestNumber).Scan(&n.known); err != nil {
		return fmt.Errorf("find the latest message: %w", err)
	}
	return nil
}

// next returns numbers for messages. They must be written before it is called again.
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
