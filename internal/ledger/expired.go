package ledger

import (
	"context"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// lost tells what expired from what is missing for another reason. A queue forgets the messages of an hour from that
// hour's begin plus its retention on. What was found missing before cannot have expired, and is remembered; what goes
// missing from then on has.
func (c *Checker) lost(
	ctx context.Context,
	list []deadletter.Imbalance,
	retention map[deadletter.LedgerStage]time.Duration,
) ([]deadletter.Imbalance, error) {
	known, err := c.store.KnownMissing(ctx, c.now().Add(-lookBack))
	if err != nil {
		return nil, err
	}
	now, changed := map[store.LedgerPlace]int{}, map[store.LedgerPlace]int{}
	var told []deadletter.Imbalance
	for _, i := range list {
		at := store.LedgerPlace{Hour: i.Hour.UTC(), Source: i.Source, Stage: i.Stage}
		switch {
		case i.Missing < 0:
			told = append(told, i)
		case c.mayHaveExpired(i.Hour, retention[i.Stage]):
			told = append(told, split(i, known[at])...)
		default:
			now[at] = i.Missing
			told = append(told, i)
		}
	}
	for at, n := range now {
		if known[at] != n {
			changed[at] = n
		}
	}
	for at := range known {
		if now[at] == 0 && !c.mayHaveExpired(at.Hour, retention[at.Stage]) {
			changed[at] = 0
		}
	}
	if len(changed) == 0 {
		return told, nil
	}
	return told, c.store.NoteMissing(ctx, changed)
}

func (c *Checker) mayHaveExpired(hour time.Time, retention time.Duration) bool {
	return retention > 0 && c.now().Sub(hour) > retention
}

// split tells of what is lost how many were missing before any could expire.
func split(i deadletter.Imbalance, missing int) []deadletter.Imbalance {
	lost := i.Missing
	i.Missing = min(lost, missing)
	expired := i
	expired.Missing, expired.Expired = lost-i.Missing, true
	var parts []deadletter.Imbalance
	for _, part := range []deadletter.Imbalance{i, expired} {
		if part.Missing > 0 {
			parts = append(parts, part)
		}
	}
	return parts
}
