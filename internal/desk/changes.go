package desk

import (
	"context"
	"slices"
	"strconv"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Changes returns what happened after the event with a number of the audit trail: its events in their order, at most
// limit, masked as the page of the trail shows them. kinds are the kinds of targets that are asked for; none: all.
// Events of what the actor does not reach are left out. through is the number of the last event that was looked at, and
// more reports whether others follow it already.
func (d *Desk) Changes(
	ctx context.Context, by deadletter.Actor, after int64, kinds []string, limit int,
) (list []store.ChangeRow, through int64, more bool, err error) {
	if err := by.May(deadletter.ActView); err != nil {
		return nil, after, false, err
	}
	if list, err = d.store.ChangesAfter(ctx, after, limit); err != nil || len(list) == 0 {
		return nil, after, false, err
	}
	through, more = list[len(list)-1].Sequence, len(list) == limit
	jobs := map[string]bool{}
	list = slices.DeleteFunc(list, func(c store.ChangeRow) bool {
		if err != nil || len(kinds) > 0 && !slices.Contains(kinds, c.TargetKind) {
			return true
		}
		reached := false
		reached, err = d.reachesChange(ctx, by, c, jobs)
		return !reached
	})
	if err != nil {
		return nil, after, false, err
	}
	return list, through, more, d.hideChanges(ctx, by, list)
}

// reachesChange reports whether an actor reaches what an event is about. jobs remembers which jobs the actor reaches.
func (d *Desk) reachesChange(
	ctx context.Context, by deadletter.Actor, c store.ChangeRow, jobs map[string]bool,
) (bool, error) {
	if by.Sources == "" {
		return true, nil
	}
	if c.TargetKind != "job" {
		return c.Of != "" && by.Reaches(c.Of, "event") == nil, nil
	}
	if reached, known := jobs[c.Target]; known {
		return reached, nil
	}
	id, err := strconv.ParseInt(c.Target, 10, 64)
	if err == nil {
		err = d.reachesJob(ctx, by, deadletter.JobID(id))
		if err != nil && deadletter.KindOf(err) != deadletter.NotFound {
			return false, err
		}
	}
	jobs[c.Target] = err == nil
	return jobs[c.Target], nil
}

// hideChanges masks events. An actor who does not reach the audit trail is not told the addresses of others.
func (d *Desk) hideChanges(ctx context.Context, by deadletter.Actor, list []store.ChangeRow) error {
	rows := make([]store.EventRow, len(list))
	for i, c := range list {
		rows[i] = c.EventRow
		if by.Sources != "" {
			rows[i].Addr = ""
		}
	}
	if err := d.Hider().Events(ctx, rows); err != nil {
		return err
	}
	for i := range list {
		list[i].EventRow = rows[i]
	}
	return nil
}
