package deadletter

import (
	"fmt"
	"math"
	"slices"
	"time"
)

// CauseState is the state of a cause.
type CauseState string

// The states of a cause.
const (
	CauseRegressed CauseState = "regressed" // failures came back after it was resolved
	CauseNew       CauseState = "new"       // it began under a day ago, and no person has decided anything
	CauseOpen      CauseState = "open"
	CauseClaimed   CauseState = "claimed"  // it has an owner for a time
	CauseKnown     CauseState = "known"    // it has a ticket
	CauseMuted     CauseState = "muted"    // out of the way until a condition is true
	CauseResolved  CauseState = "resolved" // none of its messages is open
)

// CauseStates lists every state, in the order in which the desk shows them.
func CauseStates() []CauseState {
	return []CauseState{CauseRegressed, CauseNew, CauseOpen, CauseClaimed, CauseKnown, CauseMuted, CauseResolved}
}

const (
	// freshFor is how long a cause is new or regressed if no person acts on it.
	freshFor = 24 * time.Hour

	// QuietTime is how long nothing of a cause is open before it is resolved, so that a message which fails once and
	// is delivered by a retry does not make its cause resolved and regressed again and again.
	QuietTime = time.Minute
)

// CauseFacts are the facts around a cause that are not in it.
type CauseFacts struct {
	PerHour     int         // its failures within the last hour
	DeliveredAt time.Time   // the latest successful delivery to its destination; zero if none is known
	Waits       bool        // the circuit breaker of its destination makes retries and jobs wait
	Recipe      SavedRecipe // the best of its saved recipes
}

// CauseHour counts the failures and recoveries of a cause within an hour.
type CauseHour struct {
	At        time.Time // when the hour begins
	Failed    int
	Recovered int // delivered or redriven
}

// PerHour returns how many messages failed in the hour before a time, by the counts of the clock's hours. Of the hour
// that is only partly within it counts that part.
func PerHour(hours []CauseHour, at time.Time) int {
	failed := 0.0
	for _, h := range hours {
		within := h.At.Add(time.Hour).Sub(at.Add(-time.Hour))
		failed += float64(h.Failed) * min(max(within.Hours(), 0), 1)
	}
	return int(math.Round(failed))
}

const (
	// usualTime is the time before the last hour that growth compares with.
	usualTime = 24 * time.Hour

	// GrowthTime is how far back the hours go that growth is measured by.
	GrowthTime = usualTime + time.Hour

	// minGrowing is how many failures of an hour are growth at least, however few there were before.
	minGrowing = 5
)

// GrowthAt returns the Growth of the cause at a time, by the counts of its hours: the failures of the last hour in
// percent of those of an average hour of the day before. It is 0 if they are not twice as many, or fewer than five.
func (c Cause) GrowthAt(hours []CauseHour, at time.Time) int {
	last, before := PerHour(hours, at), 0
	for _, h := range hours {
		if !h.At.Before(at.Add(-GrowthTime)) {
			before += h.Failed
		}
	}
	known := min(max(at.Add(-time.Hour).Sub(c.FirstAt).Hours(), 1), usualTime.Hours())
	usual := max(float64(before-last)/known, 1)
	if last < minGrowing || float64(last) < 2*usual {
		return 0
	}
	return int(100 * float64(last) / usual)
}

// settle sets the state that follows from what people decided. It ends new and regressed, not resolved: only a failure
// ends that.
func (c *Cause) settle(at time.Time) {
	state := CauseOpen
	switch {
	case c.Mute != Mute{}:
		state = CauseMuted
	case c.State == CauseResolved:
		state = CauseResolved
	case c.Owner != "":
		state = CauseClaimed
	case c.Ticket != "":
		state = CauseKnown
	}
	c.enter(state, at)
}

func (c *Cause) enter(state CauseState, at time.Time) {
	if c.State != state {
		c.State, c.StateAt = state, at
	}
}

// Next returns the next change of the cause that happens by itself, with the fact that it follows from as the reason of
// its event; false if there is none. After a change another one may follow.
func (c Cause) Next(f CauseFacts, at time.Time) (CauseChange, bool) {
	action, fact, next := c.next(f, at)
	if action == "" {
		return CauseChange{}, false
	}
	return next.changedFrom(c, System(), action, fact, at), true
}

func (c Cause) next(f CauseFacts, at time.Time) (action, fact string, next Cause) {
	next = c
	if c.Owner != "" && c.holder(at) == "" {
		next.Owner, next.OwnedUntil = "", time.Time{}
		if c.State == CauseClaimed {
			next.settle(at)
		}
		return "claim_ended", "the claim of " + c.Owner + " ran out", next
	}
	if (c.Mute != Mute{}) {
		fact := c.Mute.ended(c, f, at)
		if fact == "" {
			return "", "", c
		}
		next.Mute = Mute{}
		next.settle(at)
		return "mute_ended", fact, next
	}
	switch {
	case c.State == CauseResolved && c.Open() > 0 && c.LastAt.After(c.StateAt):
		next.enter(CauseRegressed, at)
		return "regressed", "a message failed after it was resolved", next
	case c.State == CauseResolved && c.Open() > 0:
		next.State = CauseOpen
		next.settle(at)
		next.StateAt = at
		return "reopened", "a message that failed before is open again", next
	case c.State != CauseResolved && c.Open() == 0 && !at.Before(c.CountedAt.Add(QuietTime)):
		next.enter(CauseResolved, at)
		return "resolved", "none of its messages was open for a minute", next
	case c.State == CauseNew && !at.Before(c.FirstAt.Add(freshFor)):
		next.settle(at)
		return "opened", "its first message failed 24 hours ago", next
	case c.State == CauseRegressed && !at.Before(c.StateAt.Add(freshFor)):
		next.settle(at)
		return "opened", "it came back 24 hours ago", next
	}
	return "", "", c
}

// ended returns the condition of a mute that is true now; "" if none is.
func (m Mute) ended(c Cause, f CauseFacts, at time.Time) string {
	switch {
	case !m.Until.IsZero() && !at.Before(m.Until):
		return "its time is over"
	case m.Count > 0 && c.Messages >= m.From+m.Count:
		return fmt.Sprintf("%d more messages failed", c.Messages-m.From)
	case m.PerHour > 0 && f.PerHour >= m.PerHour:
		return fmt.Sprintf("%d messages failed within an hour", f.PerHour)
	case m.UntilDelivered && f.DeliveredAt.After(c.StateAt):
		return "a delivery to its destination succeeded"
	}
	return ""
}

// DueAt returns when time alone may change the cause next; zero if never. Failures and deliveries may do so earlier.
func (c Cause) DueAt() (due time.Time) {
	sooner := func(t time.Time) {
		if due.IsZero() || t.Before(due) {
			due = t
		}
	}
	if c.Owner != "" {
		sooner(c.OwnedUntil)
	}
	if (c.Mute != Mute{}) {
		if !c.Mute.Until.IsZero() {
			sooner(c.Mute.Until)
		}
		return due
	}
	switch {
	case c.State == CauseResolved && c.Open() > 0:
		sooner(c.CountedAt)
	case c.State != CauseResolved && c.Open() == 0:
		sooner(c.CountedAt.Add(QuietTime))
	}
	switch c.State {
	case CauseNew:
		sooner(c.FirstAt.Add(freshFor))
	case CauseRegressed:
		sooner(c.StateAt.Add(freshFor))
	case CauseOpen, CauseClaimed, CauseKnown, CauseMuted, CauseResolved:
	}
	return due
}

// Joined returns the cause with all that other has, which failed for the same. What people decided about c stands, and
// what they decided about other where they decided nothing about c.
func (c Cause) Joined(other Cause) Cause {
	c = c.Counting(other)
	if c.Owner == "" {
		c.Owner, c.OwnedUntil = other.Owner, other.OwnedUntil
	}
	if c.Ticket == "" {
		c.Ticket = other.Ticket
	}
	c.joinMute(other)
	if other.Version > 0 {
		c.Version = max(c.Version, other.Version) + 1
	}
	if other.LastChange.At.After(c.LastChange.At) {
		c.LastChange = other.LastChange
	}
	return c.joinState(other)
}

// Counting returns the cause with the counts of other added to its own.
func (c Cause) Counting(other Cause) Cause {
	c.Messages += other.Messages
	c.Failed += other.Failed
	c.Retrying += other.Retrying
	c.Unedited.Add(other.Unedited)
	c.Edited.Add(other.Edited)
	if other.FirstAt.Before(c.FirstAt) {
		c.FirstAt = other.FirstAt
	}
	if other.LastAt.After(c.LastAt) {
		c.LastAt = other.LastAt
	}
	if other.CountedAt.After(c.CountedAt) {
		c.CountedAt = other.CountedAt
	}
	if c.EditReason == "" {
		c.EditReason = other.EditReason
	}
	return c
}

// Add adds other counts.
func (r *Replays) Add(other Replays) {
	r.Tried += other.Tried
	r.Delivered += other.Delivered
}

// joinMute keeps the mute of a cause, whose count goes on; a cause that was not muted does not become so.
func (c *Cause) joinMute(other Cause) {
	if (c.Mute != Mute{}) {
		c.Mute.From += other.Messages
	}
}

// joinState keeps the state of c where people decided it. Otherwise the more urgent of both states counts.
func (c Cause) joinState(other Cause) Cause {
	order := CauseStates()
	if c.State != CauseMuted && slices.Index(order, other.State) < slices.Index(order, c.State) {
		c.State, c.StateAt = other.State, other.StateAt
	}
	if c.State != CauseRegressed && c.State != CauseNew {
		at := c.StateAt
		c.settle(at)
	}
	return c
}

// arrivingFor is how long after its latest failure a cause counts as still arriving.
const arrivingFor = 10 * time.Minute

// Arriving reports whether messages still fail for the cause.
func (c Cause) Arriving(at time.Time) bool { return at.Before(c.LastAt.Add(arrivingFor)) }

// Urgency is the place of a cause in the default order of lists; among causes of the same one the larger comes first.
func (c Cause) Urgency() int {
	switch {
	case c.State == CauseRegressed || c.State == CauseNew:
		return 0
	case c.State == CauseMuted:
		return 3
	case c.State == CauseResolved:
		return 4
	case c.Growth > 0:
		return 1
	}
	return 2
}
