package console

import (
	"context"
	"slices"

	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

// holdOf says why what can wait is not sent to the destination of a source now; false: it is.
func (c *Console) holdOf(source string) (page.Hold, bool) {
	if _, ok := c.sources[source]; !ok {
		return page.Hold{}, false
	}
	h := c.Health(source)
	hold := page.Hold{Source: printable(source)}
	switch {
	case !h.HeldSince.IsZero():
		hold.State, hold.At = page.OutageDown, ui.At(h.HeldSince)
	case h.PausedUntil.After(c.Now()):
		hold.State, hold.At = page.OutagePaused, ui.At(h.PausedUntil)
	case !h.ReleasingSince.IsZero():
		hold.State, hold.At, hold.Rate = page.OutageReleasing, ui.At(h.ReleasingSince), number(h.Release)
	default:
		return page.Hold{}, false
	}
	return hold, true
}

// mostHolds bounds how many destinations a job tells of.
const mostHolds = 5

// jobHolds are the destinations for which messages of a job wait, or would if it was started now.
func (c *Console) jobHolds(ctx context.Context, j deadletter.Job) (holds page.Holds, err error) {
	if !j.Delivers() || j.Action.Redrives() || j.State != deadletter.JobRunning && j.State != deadletter.JobDraft {
		return page.Holds{}, nil
	}
	sources, err := c.Store.PendingSources(ctx, j.ID)
	if err != nil {
		return page.Holds{}, err
	}
	for i, source := range sources {
		if source == "" {
			sources[i] = c.DefaultSource
		}
	}
	slices.Sort(sources)
	for _, source := range slices.Compact(sources) {
		if hold, ok := c.holdOf(source); ok {
			holds.List = append(holds.List, hold)
		}
	}
	if more := len(holds.List) - mostHolds; more > 0 {
		holds.List, holds.More = holds.List[:mostHolds], "And "+plural(more, "more destination")
	}
	return holds, nil
}
