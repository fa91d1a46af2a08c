package deadletter_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

var (
	causeStart = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	causeNow   = causeStart.Add(2 * time.Hour)
	otto       = deadletter.User("otto", deadletter.Operator, "192.0.2.7")
)

// causeIn returns a cause with open messages in a state, as otto decided it.
func causeIn(state deadletter.CauseState) deadletter.Cause {
	c := deadletter.Cause{
		Fingerprint: "f", Source: "genesys", Title: "500: boom", Messages: 10, Failed: 4, FirstAt: causeStart,
		LastAt: causeStart.Add(time.Hour), CountedAt: causeStart.Add(time.Hour), State: state, StateAt: causeStart,
		Version: 3, LastChange: deadletter.LastChange{By: "otto", Action: "claimed", At: causeStart},
	}
	switch state {
	case deadletter.CauseClaimed:
		c.Owner, c.OwnedUntil = "otto", causeNow.Add(time.Hour)
	case deadletter.CauseKnown:
		c.Ticket = "OPS-1"
	case deadletter.CauseMuted:
		c.Mute = deadletter.Mute{
			Until:          causeNow.Add(time.Hour),
			Count:          100,
			From:           10,
			PerHour:        50,
			UntilDelivered: true,
		}
	case deadletter.CauseResolved:
		c.Failed, c.StateAt = 0, c.LastAt.Add(time.Minute)
	case deadletter.CauseNew, deadletter.CauseOpen, deadletter.CauseRegressed:
	}
	return c
}

// causeOrder is an order for a cause as an actor gives it.
type causeOrder struct {
	name  string
	act   deadletter.Action
	give  func(c deadletter.Cause, by deadletter.Actor) (deadletter.CauseChange, error)
	event string
	// the state that each state becomes; one that is missing refuses the order with Conflict
	becomes map[deadletter.CauseState]deadletter.CauseState
}

func causeOrders() []causeOrder {
	type states = map[deadletter.CauseState]deadletter.CauseState
	const (
		fresh, open, claimed = deadletter.CauseNew, deadletter.CauseOpen, deadletter.CauseClaimed
		known, muted         = deadletter.CauseKnown, deadletter.CauseMuted
		resolved, regressed  = deadletter.CauseResolved, deadletter.CauseRegressed
	)
	return []causeOrder{
		{"claim", deadletter.ActClaim, func(c deadletter.Cause, by deadletter.Actor) (deadletter.CauseChange, error) {
			return c.Claim(by, 4*time.Hour, c.Version, causeNow)
		}, "cause.claim", states{
			fresh: claimed, open: claimed, claimed: claimed, known: claimed, muted: muted, resolved: resolved,
			regressed: claimed,
		}},
		{
			"release",
			deadletter.ActRelease,
			func(c deadletter.Cause, by deadletter.Actor) (deadletter.CauseChange, error) {
				return c.Release(by, c.Version, causeNow)
			},
			"cause.release",
			states{claimed: open},
		},
		{"mute", deadletter.ActMute, func(c deadletter.Cause, by deadletter.Actor) (deadletter.CauseChange, error) {
			return c.MuteUntil(by, deadletter.Mute{Count: 5}, c.Version, causeNow)
		}, "cause.mute", states{
			fresh: muted, open: muted, claimed: muted, known: muted, muted: muted, resolved: muted, regressed: muted,
		}},
		{"unmute", deadletter.ActUnmute, func(c deadletter.Cause, by deadletter.Actor) (deadletter.CauseChange, error) {
			return c.Unmute(by, c.Version, causeNow)
		}, "cause.unmute", states{muted: open}},
		{
			"mark as known",
			deadletter.ActKnown,
			func(c deadletter.Cause, by deadletter.Actor) (deadletter.CauseChange, error) {
				return c.MarkKnown(by, deadletter.Tickets{}, " OPS-2 ", c.Version, causeNow)
			},
			"cause.known",
			states{
				fresh:     known,
				open:      known,
				claimed:   claimed,
				known:     known,
				muted:     muted,
				resolved:  resolved,
				regressed: known,
			},
		},
		{"take the ticket away", deadletter.ActUnmark, func(
			c deadletter.Cause, by deadletter.Actor,
		) (deadletter.CauseChange, error) {
			return c.Unmark(by, c.Version, causeNow)
		}, "cause.unmark", states{known: open}},
	}
}

// Every order, in every state, of every role.
func TestOrdersForCauses(t *testing.T) {
	t.Parallel()
	for _, o := range causeOrders() {
		for _, state := range deadletter.CauseStates() {
			for _, role := range append(deadletter.Roles(), "") {
				t.Run(fmt.Sprintf("%s/%s/%s", o.name, state, role), func(t *testing.T) {
					t.Parallel()
					checkCauseOrder(t, o, causeIn(state), deadletter.User("otto", role, "192.0.2.7"))
				})
			}
		}
	}
}

func checkCauseOrder(t *testing.T, o causeOrder, c deadletter.Cause, by deadletter.Actor) {
	t.Helper()
	change, err := o.give(c, by)
	if permits := c.Permits(by, o.act, causeNow); fmt.Sprint(permits) != fmt.Sprint(err) {
		t.Errorf("a page says %v, the order %v", permits, err)
	}
	want, permitted := o.becomes[c.State]
	switch {
	case !by.Role.Allows(o.act):
		if deadletter.KindOf(err) != deadletter.Forbidden {
			t.Errorf("it returns %v, want Forbidden", err)
		}
	case !permitted:
		if deadletter.KindOf(err) != deadletter.Conflict {
			t.Errorf("it returns %v, want a Conflict", err)
		}
	case err != nil:
		t.Errorf("it returns %v", err)
	default:
		e, after := change.Event, change.After
		if after.State != want || after.Version != c.Version+1 || after.LastChange.By != "otto" {
			t.Errorf(
				"it becomes %s, version %d, changed by %+v, want %s",
				after.State,
				after.Version,
				after.LastChange,
				want,
			)
		}
		if after.State != c.State && !after.StateAt.Equal(causeNow) {
			t.Errorf("%s began at %s", after.State, after.StateAt)
		}
		if e.Action != o.event || e.Target != "f" || e.TargetKind != "cause" || e.By != "otto" ||
			e.Source != "genesys" ||
			!strings.Contains(string(e.Before), `"state":"`+string(c.State)+`"`) ||
			!strings.Contains(string(e.After), `"state":"`+string(want)+`"`) {
			t.Errorf("its event is %+v, from %s to %s", e, e.Before, e.After)
		}
	}
}

func TestClaimOfAnotherIsRefusedUntilItRunsOut(t *testing.T) {
	t.Parallel()
	jo, c := deadletter.User("jo", deadletter.Operator, ""), causeIn(deadletter.CauseClaimed)
	claim := func(by deadletter.Actor, at time.Time) error {
		_, err := c.Claim(by, time.Hour, c.Version, at)
		return err
	}
	if err := claim(jo, causeNow); deadletter.KindOf(err) != deadletter.Conflict ||
		!strings.Contains(err.Error(), "claimed by otto until 2 March 13:00 UTC: release it first") {
		t.Errorf("it is %v", err)
	}
	if err := claim(jo, c.OwnedUntil); err != nil {
		t.Errorf("once it ran out it is %v", err)
	}
	if _, err := c.Release(jo, c.Version, causeNow); err != nil {
		t.Errorf("it cannot be released: %v", err)
	}
	if _, err := c.Claim(otto, time.Minute, c.Version, causeNow); deadletter.KindOf(err) != deadletter.Invalid {
		t.Errorf("a claim of a minute is %v", err)
	}
	if _, err := c.Release(otto, c.Version-1, causeNow); deadletter.KindOf(err) != deadletter.Conflict ||
		!strings.Contains(err.Error(), "already claimed by otto") {
		t.Errorf("an order of an older page is %v", err)
	}
}

func TestMutesThatSayNothingAreRefused(t *testing.T) {
	t.Parallel()
	for name, m := range map[string]deadletter.Mute{
		"no condition":         {},
		"a past time":          {Until: causeNow},
		"over a year":          {Until: causeNow.Add(400 * 24 * time.Hour)},
		"a negative number":    {Count: -1},
		"a negative rate":      {PerHour: -1, Count: 1},
		"what a page may not ": {From: 3},
	} {
		if _, err := causeIn(deadletter.CauseOpen).MuteUntil(otto, m, 3, causeNow); deadletter.KindOf(
			err,
		) != deadletter.Invalid {
			t.Errorf("%s is %v", name, err)
		}
	}
}

// Every change that happens by itself: when it does, and just before that not.
func TestChangesOfCausesByThemselves(t *testing.T) {
	t.Parallel()
	type step struct {
		facts deadletter.CauseFacts
		at    time.Time
	}
	with := func(state deadletter.CauseState, edit func(c *deadletter.Cause)) deadletter.Cause {
		c := causeIn(state)
		edit(&c)
		return c
	}
	mutedFor := func(m deadletter.Mute, owner, ticket string) deadletter.Cause {
		return with(deadletter.CauseMuted, func(c *deadletter.Cause) {
			c.Mute, c.Owner, c.Ticket = m, owner, ticket
			if owner != "" {
				c.OwnedUntil = causeStart.Add(240 * time.Hour)
			}
		})
	}
	day := causeStart.Add(24 * time.Hour)
	quiet := causeStart.Add(time.Hour + time.Minute)
	closed := func(state deadletter.CauseState) deadletter.Cause {
		return with(state, func(c *deadletter.Cause) { c.Failed = 0 })
	}
	for _, c := range []struct {
		name   string
		from   deadletter.Cause
		not    step // nothing happens
		then   step
		action string
		fact   string
		to     deadletter.CauseState
	}{
		{
			"a day after its first failure", causeIn(deadletter.CauseNew),
			step{at: day.Add(-1)},
			step{at: day},
			"cause.opened", "its first message failed 24 hours ago", deadletter.CauseOpen,
		},
		{
			"a day after it came back", causeIn(deadletter.CauseRegressed),
			step{at: day.Add(-1)},
			step{at: day},
			"cause.opened", "it came back 24 hours ago", deadletter.CauseOpen,
		},
		{
			"a day after a known one came back", with(deadletter.CauseRegressed, func(c *deadletter.Cause) {
				c.Ticket = "OPS-1"
			}), step{at: day.Add(-1)}, step{at: day}, "cause.opened", "it came back 24 hours ago", deadletter.CauseKnown,
		},
		{
			"a claim runs out", causeIn(deadletter.CauseClaimed),
			step{at: causeNow.Add(time.Hour - 1)},
			step{at: causeNow.Add(time.Hour)},
			"cause.claim_ended", "the claim of otto ran out", deadletter.CauseOpen,
		},
		{
			"a claim of a known one runs out", with(deadletter.CauseClaimed, func(c *deadletter.Cause) { c.Ticket = "OPS-1" }),
			step{at: causeNow},
			step{at: causeNow.Add(time.Hour)},
			"cause.claim_ended", "the claim of otto ran out",
			deadletter.CauseKnown,
		},
		{
			"a claim of a resolved one runs out", with(deadletter.CauseResolved, func(c *deadletter.Cause) {
				c.Owner, c.OwnedUntil = "otto", causeNow
			}),
			step{at: causeNow.Add(-1)},
			step{at: causeNow},
			"cause.claim_ended", "the claim of otto ran out",
			deadletter.CauseResolved,
		},
		{
			"the time of a mute is over", mutedFor(deadletter.Mute{Until: causeNow}, "", ""),
			step{at: causeNow.Add(-1)},
			step{at: causeNow},
			"cause.mute_ended", "its time is over", deadletter.CauseOpen,
		},
		{
			"a muted cause with an owner", mutedFor(deadletter.Mute{Until: causeNow}, "jo", "OPS-1"),
			step{at: causeNow.Add(-1)},
			step{at: causeNow},
			"cause.mute_ended", "its time is over",
			deadletter.CauseClaimed,
		},
		{
			"so many more messages", with(deadletter.CauseMuted, func(c *deadletter.Cause) {
				c.Mute, c.Messages = deadletter.Mute{Count: 5, From: 10}, 15
			}), step{}, step{at: causeNow}, "cause.mute_ended", "5 more messages failed", deadletter.CauseOpen,
		},
		{
			"such a rate", mutedFor(deadletter.Mute{PerHour: 50}, "", "OPS-1"),
			step{deadletter.CauseFacts{PerHour: 49}, causeNow},
			step{deadletter.CauseFacts{PerHour: 50}, causeNow},
			"cause.mute_ended", "50 messages failed within an hour", deadletter.CauseKnown,
		},
		{
			"the next delivery", mutedFor(deadletter.Mute{UntilDelivered: true}, "", ""),
			step{deadletter.CauseFacts{DeliveredAt: causeStart}, causeNow},
			step{deadletter.CauseFacts{DeliveredAt: causeStart.Add(1)}, causeNow},
			"cause.mute_ended",
			"a delivery to its destination succeeded", deadletter.CauseOpen,
		},
		{
			"new and nothing is open", closed(deadletter.CauseNew),
			step{at: quiet.Add(-1)},
			step{at: quiet},
			"cause.resolved", "none of its messages was open for a minute", deadletter.CauseResolved,
		},
		{
			"regressed and nothing is open", closed(deadletter.CauseRegressed),
			step{at: quiet.Add(-1)},
			step{at: quiet},
			"cause.resolved", "none of its messages was open for a minute", deadletter.CauseResolved,
		},
		{
			"claimed and nothing is open", closed(deadletter.CauseClaimed),
			step{at: quiet.Add(-1)},
			step{at: quiet},
			"cause.resolved", "none of its messages was open for a minute", deadletter.CauseResolved,
		},
		{
			"known and nothing is open", closed(deadletter.CauseKnown),
			step{at: quiet.Add(-1)},
			step{at: quiet},
			"cause.resolved", "none of its messages was open for a minute", deadletter.CauseResolved,
		},
		{
			"open and nothing is open", closed(deadletter.CauseOpen),
			step{at: quiet.Add(-1)},
			step{at: quiet},
			"cause.resolved", "none of its messages was open for a minute", deadletter.CauseResolved,
		},
		{
			"a failure after it was resolved", with(deadletter.CauseResolved, func(c *deadletter.Cause) {
				c.Retrying, c.LastAt = 1, causeNow.Add(-time.Second)
			}),
			step{},
			step{at: causeNow},
			"cause.regressed", "a message failed after it was resolved",
			deadletter.CauseRegressed,
		},
		{
			"a restored message of a resolved known one", with(deadletter.CauseResolved, func(c *deadletter.Cause) {
				c.Failed, c.Ticket = 1, "OPS-1"
			}),
			step{},
			step{at: causeNow},
			"cause.reopened", "a message that failed before is open again",
			deadletter.CauseKnown,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if !c.not.at.IsZero() {
				if change, ok := c.from.Next(c.not.facts, c.not.at); ok {
					t.Errorf("too early: %+v", change.Event)
				}
				if due := c.from.DueAt(); c.not.facts == (deadletter.CauseFacts{}) && !due.Equal(c.then.at) {
					t.Errorf("it is due at %s, want %s", due, c.then.at)
				}
			}
			change, ok := c.from.Next(c.then.facts, c.then.at)
			if !ok {
				t.Fatal("nothing happens")
			}
			e, after := change.Event, change.After
			if e.Action != c.action || e.Reason != c.fact || e.Actor != deadletter.ActorSystem || after.State != c.to {
				t.Errorf("%s because %q, by %s, becomes %s", e.Action, e.Reason, e.Actor, after.State)
			}
			if after.Version != c.from.Version {
				t.Error("the pages of people are out of date")
			}
			if after.State != c.from.State && !after.StateAt.Equal(c.then.at) {
				t.Errorf("the state began at %s", after.StateAt)
			}
			for range 3 { // what follows of itself ends
				if change, ok = change.After.Next(c.then.facts, c.then.at); !ok {
					return
				}
			}
			t.Errorf("it changes again and again, at last by %s", change.Event.Action)
		})
	}
}

// A muted cause is neither resolved nor regressed: it does not ring before its mute ends.
func TestMutedCauseStaysMuted(t *testing.T) {
	t.Parallel()
	c := causeIn(deadletter.CauseMuted)
	c.Failed = 0
	if change, ok := c.Next(deadletter.CauseFacts{}, causeNow); ok {
		t.Errorf("it changes by %+v", change.Event)
	}
}

func TestGrowth(t *testing.T) {
	t.Parallel()
	at := causeStart.Add(30 * time.Minute)
	hour := func(back, failed int) deadletter.CauseHour {
		return deadletter.CauseHour{At: causeStart.Add(-time.Duration(back) * time.Hour), Failed: failed}
	}
	for _, c := range []struct {
		name    string
		hours   []deadletter.CauseHour
		age     time.Duration
		perHour int
		growth  int
	}{
		{"nothing", nil, time.Hour, 0, 0},
		{"the half of the hour before", []deadletter.CauseHour{hour(1, 10), hour(0, 10)}, 48 * time.Hour, 15, 1500},
		{"under five", []deadletter.CauseHour{hour(0, 4)}, 48 * time.Hour, 4, 0},
		{"as always", []deadletter.CauseHour{hour(3, 40), hour(2, 40), hour(1, 40), hour(0, 20)}, 4 * time.Hour, 40, 0},
		{"three times", []deadletter.CauseHour{hour(3, 10), hour(2, 10), hour(0, 30)}, 3*time.Hour + 30*time.Minute, 30, 375},
		{"too long ago to count", []deadletter.CauseHour{hour(40, 900), hour(0, 10)}, 48 * time.Hour, 10, 1000},
		{"a young one", []deadletter.CauseHour{hour(0, 7)}, time.Minute, 7, 700},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := deadletter.PerHour(c.hours, at); got != c.perHour {
				t.Errorf("%d an hour, want %d", got, c.perHour)
			}
			if got := (deadletter.Cause{FirstAt: at.Add(-c.age)}).GrowthAt(c.hours, at); got != c.growth {
				t.Errorf("it grows by %d, want %d", got, c.growth)
			}
		})
	}
}

func TestNextStepFollowsFromFacts(t *testing.T) {
	t.Parallel()
	type replays = deadletter.Replays
	up := causeNow
	for _, c := range []struct {
		name string
		edit func(c *deadletter.Cause)
		f    deadletter.CauseFacts
		want deadletter.CauseStep
	}{
		{"nothing open", func(c *deadletter.Cause) { c.Failed = 0 }, deadletter.CauseFacts{}, deadletter.CauseStep{}},
		{"nothing known", func(*deadletter.Cause) {}, deadletter.CauseFacts{}, deadletter.CauseStep{Kind: "look"}},
		{
			"the breaker is open", func(*deadletter.Cause) {},
			deadletter.CauseFacts{Waits: true, DeliveredAt: up},
			deadletter.CauseStep{Kind: deadletter.StepBreaker},
		},
		{
			"retries go on", func(c *deadletter.Cause) { c.Failed, c.Retrying = 0, 3 },
			deadletter.CauseFacts{},
			deadletter.CauseStep{Kind: deadletter.StepRetries},
		},
		{
			"its destination is up again", func(c *deadletter.Cause) { c.StatusCode = 503 },
			deadletter.CauseFacts{DeliveredAt: up},
			deadletter.CauseStep{Kind: deadletter.StepTest},
		},
		{
			"its destination was up before", func(c *deadletter.Cause) { c.StatusCode = 503 },
			deadletter.CauseFacts{DeliveredAt: causeStart},
			deadletter.CauseStep{Kind: deadletter.StepLook},
		},
		{
			"its destination refuses it", func(c *deadletter.Cause) { c.StatusCode = 422 },
			deadletter.CauseFacts{DeliveredAt: up},
			deadletter.CauseStep{Kind: deadletter.StepLook},
		},
		{
			"as they were", func(c *deadletter.Cause) { c.Unedited = replays{20, 20} },
			deadletter.CauseFacts{},
			deadletter.CauseStep{Kind: deadletter.StepReplay, Replays: replays{20, 20}},
		},
		{
			"after an edit", func(c *deadletter.Cause) {
				c.Unedited, c.Edited, c.EditReason = replays{20, 0}, replays{214, 214}, "add id"
			}, deadletter.CauseFacts{}, deadletter.CauseStep{
				Kind: deadletter.StepEdit, Replays: replays{214, 214}, As: replays{20, 0}, Edit: "add id",
			},
		},
		{
			"with a recipe", func(c *deadletter.Cause) {
				c.State, c.Unedited, c.Edited = deadletter.CauseRegressed, replays{20, 0}, replays{214, 214}
			}, deadletter.CauseFacts{Recipe: recipeWith(12, 14)}, deadletter.CauseStep{
				Kind: deadletter.StepRecipe, Replays: replays{14, 12}, As: replays{20, 0}, Recipe: recipeWith(12, 14),
			},
		},
		{
			"with a recipe that helped few", func(*deadletter.Cause) {},
			deadletter.CauseFacts{Recipe: recipeWith(7, 14)},
			deadletter.CauseStep{Kind: deadletter.StepLook},
		},
		{
			"as they were, and with a recipe", func(c *deadletter.Cause) { c.Unedited = replays{20, 20} },
			deadletter.CauseFacts{Recipe: recipeWith(12, 14)},
			deadletter.CauseStep{Kind: deadletter.StepReplay, Replays: replays{20, 20}},
		},
		{
			"in vain", func(c *deadletter.Cause) { c.Unedited = replays{20, 0} },
			deadletter.CauseFacts{},
			deadletter.CauseStep{Kind: deadletter.StepFix, Replays: replays{20, 0}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cause := causeIn(deadletter.CauseOpen)
			c.edit(&cause)
			if got := cause.NextStep(c.f); got != c.want {
				t.Errorf("it is %+v, want %+v", got, c.want)
			}
		})
	}
}

// recipeWith is a saved recipe whose latest version came to that.
func recipeWith(delivered, tried int) deadletter.SavedRecipe {
	s := deadletter.SavedRecipe{ID: 5, Name: "add id"}
	s.Latest.Record.Replays = deadletter.Replays{Tried: tried, Delivered: delivered}
	return s
}

func TestNotesAreEditedByTheirAuthors(t *testing.T) {
	t.Parallel()
	c := causeIn(deadletter.CauseOpen)
	note, event, err := c.AddNote(otto, " the id is missing ", causeNow)
	if err != nil || note.Text != "the id is missing" || note.By != "otto" || event.Action != "cause.note" ||
		!strings.Contains(string(event.After), "the id is missing") {
		t.Fatalf("%+v, %+v, %v", note, event, err)
	}
	edited, event, err := note.Edit(otto, "genesys", "the name is missing", causeNow.Add(time.Minute))
	if err != nil || edited.Text != "the name is missing" || len(edited.Edits) != 1 ||
		edited.Edits[0].Text != "the id is missing" || event.Action != "cause.note_edit" || event.Source != "genesys" {
		t.Errorf("%+v, %+v, %v", edited, event, err)
	}
	for name, c := range map[string]struct {
		by   deadletter.Actor
		text string
		kind deadletter.Kind
	}{
		"of another":  {deadletter.User("jo", deadletter.Admin, ""), "no", deadletter.Forbidden},
		"of a viewer": {deadletter.User("otto", deadletter.Viewer, ""), "no", deadletter.Forbidden},
		"empty":       {otto, "\n", deadletter.Invalid},
		"too long":    {otto, strings.Repeat("é", deadletter.MaxNote+1), deadletter.Invalid},
		"no edit":     {otto, note.Text, deadletter.Conflict},
	} {
		if _, _, err := note.Edit(c.by, "", c.text, causeNow); deadletter.KindOf(err) != c.kind {
			t.Errorf("an edit %s is %v", name, err)
		}
	}
	if _, _, err := c.AddNote(deadletter.User("vera", deadletter.Viewer, ""), "x", causeNow); deadletter.KindOf(
		err,
	) != deadletter.Forbidden {
		t.Errorf("a note of a viewer is %v", err)
	}
}

// What people decided about either cause is not lost when both become one, and the more urgent state counts.
func TestJoinedCauseKeepsWhatPeopleDecided(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ to, from, want deadletter.CauseState }{
		{deadletter.CauseOpen, deadletter.CauseClaimed, deadletter.CauseClaimed},
		{deadletter.CauseClaimed, deadletter.CauseOpen, deadletter.CauseClaimed},
		{deadletter.CauseResolved, deadletter.CauseKnown, deadletter.CauseKnown},
		{deadletter.CauseKnown, deadletter.CauseResolved, deadletter.CauseKnown},
		{deadletter.CauseOpen, deadletter.CauseRegressed, deadletter.CauseRegressed},
		{deadletter.CauseMuted, deadletter.CauseRegressed, deadletter.CauseMuted},
		{deadletter.CauseOpen, deadletter.CauseMuted, deadletter.CauseOpen},
		{deadletter.CauseResolved, deadletter.CauseResolved, deadletter.CauseResolved},
		{deadletter.CauseResolved, deadletter.CauseMuted, deadletter.CauseOpen},
	} {
		t.Run(fmt.Sprintf("%s and %s", c.to, c.from), func(t *testing.T) {
			t.Parallel()
			to, from := causeIn(c.to), causeIn(c.from)
			got := to.Joined(from)
			if got.State != c.want {
				t.Errorf("it is %s, want %s", got.State, c.want)
			}
			if got.Messages != 20 || got.Failed != to.Failed+from.Failed || got.Version != 4 {
				t.Errorf("it has %d messages, %d failed, version %d", got.Messages, got.Failed, got.Version)
			}
			if got.Owner != max(to.Owner, from.Owner) || got.Ticket != max(to.Ticket, from.Ticket) {
				t.Errorf("it has the owner %q and the ticket %q", got.Owner, got.Ticket)
			}
			if more := got.Mute.From + got.Mute.Count - got.Messages; c.to == deadletter.CauseMuted && more != 100 {
				t.Errorf("its mute ends after %d messages", more)
			}
		})
	}
}
