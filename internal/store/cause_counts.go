package store

import (
	"context"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/sqlite"
)

// causeCounts is what the writes of a commit change in the counts of a cause.
type causeCounts struct {
	example          deadletter.Message // one that failed for this cause
	failure          string             // its error with the status code
	messages         int
	failed, retrying int
	first, last      int64 // of the failures
	at               int64 // of the latest change of failed and retrying
	unedited, edited deadletter.Replays
	edit             *editSent // an edited message
	movedEdit        *editSent // likewise; what an edit of the cause itself says comes first
	hours            map[int64]hourCounts
	now              map[countKey]int // messages that have this cause, by the values of the stored counts
	regrouped        bool             // messages came from another cause: a new one is no news for people
}

// editSent is a revision of a message that was delivered.
type editSent struct {
	message  deadletter.ID
	revision int
}

// hourCounts are the failures and recoveries of an hour.
type hourCounts struct{ failed, recovered int }

// cause counts a message that is new or was changed, for the causes that it failed for before and after.
func (c *counts) cause(change *deadletter.Change) {
	before, after, at := change.Before, change.After, change.Event.At.UnixMilli()
	from, to := c.countsOf(before.Fingerprint), c.countsOf(after.Fingerprint)
	from.countNow(before, -1)
	to.countNow(after, 1)
	from.countOpen(before, -1, at)
	to.countOpen(after, 1, at)
	switch {
	case before.ID == "":
		to.countFailure(after, change.Failure, after.ReceivedAt.UnixMilli())
	case before.Fingerprint != after.Fingerprint:
		to.countFailure(after, change.Failure, attemptedAt(after))
	case before.Status == deadletter.Replaying && (after.Status == deadletter.Resolved ||
		after.Status == deadletter.Redriven):
		to.countHour(at, hourCounts{recovered: 1})
	}
	from.countReplay(change)
}

// countsOf returns the counts of a cause, to be added to.
func (c *counts) countsOf(fingerprint string) *causeCounts {
	if fingerprint == "" {
		return &causeCounts{} // is written nowhere
	}
	if c.causes[fingerprint] == nil {
		c.causes[fingerprint] = &causeCounts{}
	}
	return c.causes[fingerprint]
}

// countNow counts a message that had this cause before (n is -1) or has it after a change (n is 1).
func (g *causeCounts) countNow(m deadletter.Message, n int) {
	if m.ID == "" {
		return
	}
	if g.now == nil {
		g.now = map[countKey]int{}
	}
	g.now[countKeyOf(m)] += n
}

// countOpen counts a message that is open in its state before (n is -1) or after a change (n is 1).
func (g *causeCounts) countOpen(m deadletter.Message, n int, at int64) {
	switch m.Status {
	case deadletter.Failed:
		g.failed += n
	case deadletter.Retrying, deadletter.Replaying:
		g.retrying += n
	case deadletter.Resolved, deadletter.Redriven, deadletter.Archived:
		return
	}
	g.at = max(g.at, at)
}

// regrouped counts a message that other rules give another cause.
func (c *counts) regrouped(m toRegroup, fingerprint string) {
	from, to := c.countsOf(m.Fingerprint), c.countsOf(fingerprint)
	at := m.ReceivedAt.UnixMilli()
	to.regrouped = true
	from.countNow(m.Message, -1)
	to.countNow(m.Message, 1)
	from.countOpen(m.Message, -1, 0)
	from.messages--
	from.countHour(at, hourCounts{failed: -1})
	m.StatusCode = m.code
	to.countOpen(m.Message, 1, at)
	to.countFailure(m.Message, m.failure.Error, at)
	for _, a := range m.replays {
		one := deadletter.Replays{Tried: 1}
		if a.Outcome == deadletter.Delivered {
			one.Delivered = 1
		}
		less := deadletter.Replays{Tried: -one.Tried, Delivered: -one.Delivered}
		if a.Revision == 0 {
			from.unedited.Add(less)
			to.unedited.Add(one)
			continue
		}
		from.edited.Add(less)
		to.edited.Add(one)
		if one.Delivered > 0 {
			to.movedEdit = &editSent{m.ID, a.Revision}
		}
	}
	for _, i := range m.items {
		c.moveItem(i, m.Fingerprint, fingerprint)
	}
}

// countFailure counts a failure for the cause. failure is the error with its status code.
func (g *causeCounts) countFailure(m deadletter.Message, failure string, at int64) {
	if g.first == 0 {
		g.example, g.failure, g.first, g.last = m, failure, at, at
	}
	g.messages++
	g.first, g.last = min(g.first, at), max(g.last, at)
	g.countHour(at, hourCounts{failed: 1})
}

func (g *causeCounts) countHour(at int64, add hourCounts) {
	if g.hours == nil {
		g.hours = map[int64]hourCounts{}
	}
	hour := at - at%time.Hour.Milliseconds()
	sum := g.hours[hour]
	g.hours[hour] = hourCounts{sum.failed + add.failed, sum.recovered + add.recovered}
}

// countReplay counts a replay for the cause that the message had when the replay was requested.
func (g *causeCounts) countReplay(change *deadletter.Change) {
	edited, delivered, ok := change.Replayed()
	if !ok {
		return
	}
	one := deadletter.Replays{Tried: 1}
	if delivered {
		one.Delivered = 1
	}
	if !edited {
		g.unedited.Add(one)
		return
	}
	g.edited.Add(one)
	if delivered {
		g.edit = &editSent{change.After.ID, change.Attempt.Revision}
	}
}

const (
	// A state that a failure or a delivery may change is due at once: see deadletter.Cause.Next.
	updateCause = `UPDATE causes SET messages = messages + ?2, failed = failed + ?3, retrying = retrying + ?4,
		first_at = iif(?5 > 0, min(first_at, ?5), first_at), last_at = max(last_at, ?6),
		counted_at = max(counted_at, ?7), unedited = max(0, unedited + ?8),
		unedited_delivered = max(0, unedited_delivered + ?9), edited = max(0, edited + ?10),
		edited_delivered = max(0, edited_delivered + ?11),
		due_at = iif(state IN ('resolved', 'muted') OR failed + ?3 + retrying + ?4 = 0, counted_at, due_at)
		WHERE fingerprint = ?1`
	insertCause = `INSERT INTO causes (fingerprint, source, destination, reason, title, status_code, messages, failed,
		retrying, first_at, last_at, counted_at, state_at, due_at, unedited, unedited_delivered, edited,
		edited_delivered, told_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	setEditReason = `UPDATE causes SET edit_reason = coalesce((SELECT coalesce((SELECT name FROM recipes
		WHERE id = revisions.recipe), reason) FROM revisions WHERE number = ?3
		AND message = (SELECT n FROM messages WHERE id = ?2)), edit_reason)
		WHERE fingerprint = ?1 AND (edit_reason = '' OR ?4)`
	addCauseCount = `INSERT INTO cause_counts VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE
		SET messages = messages + excluded.messages`
	addCauseHour = `INSERT INTO cause_hours VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
		SET failed = failed + excluded.failed, recovered = recovered + excluded.recovered`
)

func (g *causeCounts) write(
	ctx context.Context, tx *sqlite.Tx, fingerprint string, grouping *deadletter.Grouping,
) error {
	none := deadletter.Replays{}
	if g.messages != 0 || g.failed != 0 || g.retrying != 0 || g.unedited != none || g.edited != none {
		if err := g.writeCause(ctx, tx, fingerprint, grouping); err != nil {
			return err
		}
	}
	for _, e := range []*editSent{g.edit, g.movedEdit} {
		if e == nil {
			continue
		}
		if _, err := tx.ExecContext(
			ctx, setEditReason, fingerprint, e.message, e.revision, e == g.edit,
		); err != nil {
			return err
		}
	}
	for k, n := range g.now {
		if n == 0 {
			continue
		}
		if _, err := tx.ExecContext(
			ctx, addCauseCount, fingerprint, k.source, k.status, k.outcome, k.code, n,
		); err != nil {
			return err
		}
	}
	for at, n := range g.hours {
		if _, err := tx.ExecContext(ctx, addCauseHour, fingerprint, at, n.failed, n.recovered); err != nil {
			return err
		}
	}
	return nil
}

func (g *causeCounts) writeCause(
	ctx context.Context, tx *sqlite.Tx, fingerprint string, grouping *deadletter.Grouping,
) error {
	written, err := tx.ExecContext(
		ctx, updateCause, fingerprint, g.messages, g.failed, g.retrying, g.first, g.last, g.at, g.unedited.Tried,
		g.unedited.Delivered, g.edited.Tried, g.edited.Delivered,
	)
	if err != nil {
		return err
	}
	if n, err := written.RowsAffected(); err != nil || n > 0 || g.messages == 0 {
		return err
	}
	c := g.newCause()
	found, title := grouping.Cause(deadletter.Failure{Source: c.Source, Destination: c.Destination, Error: c.Error}, "")
	if found != fingerprint {
		title = "" // the rules have changed within the commit
	}
	var toldAt int64
	if g.regrouped {
		toldAt = g.first
	}
	if _, err := tx.ExecContext(
		ctx, insertCause, fingerprint, c.Source, c.Destination, c.Error, title, c.StatusCode, c.Messages, c.Failed,
		c.Retrying, g.first, g.last, g.at, g.first, sqlite.Millis(c.DueAt()), g.unedited.Tried, g.unedited.Delivered,
		g.edited.Tried, g.edited.Delivered, toldAt,
	); err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, forgetMove, fingerprint)
	return err
}

// newCause returns the cause of messages that are the first to fail for it.
func (g *causeCounts) newCause() deadletter.Cause {
	first := time.UnixMilli(g.first).UTC()
	return deadletter.Cause{
		Source: g.example.Source, Destination: g.example.Destination, Error: g.failure,
		StatusCode: g.example.StatusCode,
		Messages:   g.messages, Failed: g.failed, Retrying: g.retrying, FirstAt: first,
		CountedAt: time.UnixMilli(g.at).UTC(), State: deadletter.CauseNew, StateAt: first,
	}
}
