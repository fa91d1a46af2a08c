package ledger

import (
	"context"
	"maps"
	"slices"
	"time"
)

// missing returns the webhooks that are in no store and on no queue of a stage, although they had the time to get
// there. Those that wait are taken for the newest, because a queue hands out the oldest first.
func missing(open []OpenAccount, settled map[Account]Counts, stage Stage, waiting int) []Imbalance {
	slices.SortFunc(open, func(a, b OpenAccount) int { return b.Hour.Compare(a.Hour) })
	found := merged{}
	for _, o := range open {
		out := settled[o.Account].Queued - o.Arrived
		if stage == StageProcessing {
			out = settled[o.Account].Received - o.Delivered - o.Queued
		}
		onQueue := min(max(out, 0), waiting)
		waiting -= onQueue
		if out > onQueue {
			found.add(Imbalance{Hour: o.Hour, Source: o.Source, Stage: stage, Missing: out - onQueue})
		}
	}
	return slices.Collect(maps.Values(found))
}

// surplus returns the webhooks that arrived without having been counted, with what may explain it. killed are the last
// signs of life of killed runs.
func surplus(open []OpenAccount, killed map[string]time.Time) []Imbalance {
	found := merged{}
	for _, o := range open {
		i := Imbalance{Hour: o.Hour, Source: o.Source, Refused: o.Refused, Killed: killed[o.Run]}
		if n := o.Arrived - o.Queued; n > 0 {
			i := i
			i.Stage, i.Missing = StageMessages, -n
			if !o.Numbered {
				i.Killed = latestKill(i.Killed, o.Hour, killed)
			}
			found.add(i)
		}
		if n := o.Delivered + o.Queued - o.Received; n > 0 {
			i.Stage, i.Missing = StageProcessing, -n
			i.Killed = latestKill(i.Killed, o.Hour, killed)
			found.add(i)
		}
	}
	return slices.Collect(maps.Values(found))
}

// latestKill returns when a run was killed that may have delivered webhooks of an hour and not saved their counts. Any
// run may have: none of these webhooks has a number.
func latestKill(known, hour time.Time, killed map[string]time.Time) time.Time {
	for _, at := range killed {
		if at.After(hour) && at.After(known) {
			known = at
		}
	}
	return known
}

// merged adds up imbalances of several runs that are of one kind.
type merged map[suspect]Imbalance

func (list merged) add(i Imbalance) {
	at := suspectOf(i)
	if other, ok := list[at]; ok {
		i.Missing += other.Missing
		i.Refused += other.Refused
	}
	list[at] = i
}

// splitExpired separates messages that expired on their queue from those that are missing for another reason. A queue
// with a retention of 4 days forgets the first messages of an hour 4 days after the hour's start. Messages missing
// before that cannot have expired, so their number is saved. Those that go missing later have expired.
func (c *Checker) splitExpired(
	ctx context.Context, list []Imbalance, retention map[Stage]time.Duration,
) ([]Imbalance, error) {
	known, err := c.store.KnownMissing(ctx, c.now().Add(-lookBack))
	if err != nil {
		return nil, err
	}
	now, changed := map[Place]int{}, map[Place]int{}
	var parts []Imbalance
	for _, i := range list {
		at := Place{Hour: i.Hour.UTC(), Source: i.Source, Stage: i.Stage}
		switch {
		case i.Missing < 0:
			parts = append(parts, i)
		case c.mayHaveExpired(i.Hour, retention[i.Stage]):
			parts = append(parts, split(i, known[at])...)
		default:
			now[at] = i.Missing
			parts = append(parts, i)
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
		return parts, nil
	}
	return parts, c.store.SaveMissing(ctx, changed)
}

func (c *Checker) mayHaveExpired(hour time.Time, retention time.Duration) bool {
	return retention > 0 && c.now().Sub(hour) > retention
}

// split returns the part of an imbalance that was missing before any message could expire, and the expired rest.
func split(i Imbalance, before int) []Imbalance {
	all := i.Missing
	i.Missing = min(all, before)
	expired := i
	expired.Missing, expired.Expired = all-i.Missing, true
	return slices.DeleteFunc([]Imbalance{i, expired}, func(part Imbalance) bool { return part.Missing <= 0 })
}
