package store_test

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// listed are causes in all states, with the number of messages that each has.
var listed = map[string]int{
	"regressed": 1, "new": 2, "growing": 1, "large": 9, "claimed": 3, "known": 2, "muted": 7, "resolved": 4, "small": 2,
}

// fillCauses stores the causes of listed: names stand in their titles. Each began an hour after the one before it in
// alphabetical order.
func fillCauses(t *testing.T) *store.Store {
	t.Helper()
	s := desktest.NewStore(t)
	var list []deadletter.Capture
	names := slices.Sorted(func(yield func(string) bool) {
		for name := range listed {
			if !yield(name) {
				return
			}
		}
	})
	for i, name := range names {
		for n := range listed[name] {
			c := desktest.Failure(fmt.Sprintf("%s-%d", name, n), 422, start.Add(time.Duration(i)*time.Hour))
			c.Reason, c.Source = "the field of "+name+" is missing", []string{"genesys", "cxone"}[i%2]
			list = append(list, c)
		}
	}
	desktest.ReceiveAll(t, s, list)
	for name, edit := range map[string]func(c *deadletter.Cause){
		"regressed": func(c *deadletter.Cause) { c.State = deadletter.CauseRegressed },
		"growing":   func(c *deadletter.Cause) { c.State, c.Growth = deadletter.CauseOpen, 400 },
		"large":     func(c *deadletter.Cause) { c.State = deadletter.CauseOpen },
		"small":     func(c *deadletter.Cause) { c.State = deadletter.CauseOpen },
		"claimed":   func(c *deadletter.Cause) { c.State, c.Owner = deadletter.CauseClaimed, "anna" },
		"known":     func(c *deadletter.Cause) { c.State, c.Ticket = deadletter.CauseKnown, "OPS-1" },
		"muted":     func(c *deadletter.Cause) { c.State, c.Mute.Count = deadletter.CauseMuted, 5 },
		"resolved":  func(c *deadletter.Cause) { c.State, c.Ticket = deadletter.CauseResolved, "50%" },
	} {
		write(t, s, func(ctx context.Context, tx *store.Tx) error {
			c, err := tx.Cause(ctx, causeOf(t, s, name).Fingerprint)
			if err != nil {
				return err
			}
			change := deadletter.CauseChange{Before: c, After: c, Event: deadletter.Event{
				At:         start,
				Actor:      deadletter.ActorSystem,
				Action:     "cause.test",
				TargetKind: "cause",
				Target:     c.Fingerprint,
			}}
			edit(&change.After)
			if err := tx.ApplyCause(ctx, change); err != nil {
				return err
			}
			return tx.SetGrowth(ctx, c.Fingerprint, change.After.Growth)
		})
	}
	return s
}

func write(t *testing.T, s *store.Store, do func(ctx context.Context, tx *store.Tx) error) {
	t.Helper()
	if err := s.Write(t.Context(), do); err != nil {
		t.Fatal(err)
	}
}

// causeOf returns the cause with a name in its title.
func causeOf(t *testing.T, s *store.Store, name string) deadletter.Cause {
	t.Helper()
	c, err := s.Cause(t.Context(), desktest.Message(t, s, deadletter.ID(name+"-0")).Fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func namesOf(list []deadletter.Cause) string {
	var names []string
	for _, c := range list {
		names = append(names, strings.Fields(c.Title)[3])
	}
	return strings.Join(names, " ")
}

// Every order, in pages of two: forwards to the end, then backwards to the beginning.
func TestCausesInEveryOrder(t *testing.T) {
	t.Parallel()
	s := fillCauses(t)
	// Causes of the same rank stand by their fingerprints: known, new, regressed, growing and small are found by those.
	pair := func(a, b string) string {
		if causeOf(t, s, a).Fingerprint < causeOf(t, s, b).Fingerprint {
			return a + " " + b
		}
		return b + " " + a
	}
	tie, ones := pair("known", "small"), pair("growing", "regressed")
	three := []string{"known", "new", "small"}
	slices.SortFunc(three, func(a, b string) int {
		return strings.Compare(causeOf(t, s, a).Fingerprint, causeOf(t, s, b).Fingerprint)
	})
	bySize := "muted resolved claimed " + strings.Join(three, " ")
	for sort, want := range map[store.CauseSort]string{
		store.ByUrgency: "new regressed growing large claimed " + tie + " muted resolved",
		store.ByNewest:  "small resolved regressed new muted large known growing claimed",
		store.ByOldest:  "claimed growing known large muted new regressed resolved small",
		store.BySize:    "large " + bySize + " " + ones,
		store.ByGrowing: "growing large " + bySize + " regressed",
	} {
		t.Run(string(sort), func(t *testing.T) {
			t.Parallel()
			q := store.CauseQuery{Sort: sort, Limit: 2}
			all := readCauses(t, s, q, func(p store.Page[deadletter.Cause]) string { return p.Older })
			if got := strings.Join(all, " "); got != want {
				t.Errorf("the order is %q, want %q", got, want)
			}
			q.Cursor = lastCursor(t, s, q)
			back := readCauses(t, s, q, func(p store.Page[deadletter.Cause]) string { return p.Newer })
			slices.Reverse(back)
			if got := strings.Join(back, " "); got != want {
				t.Errorf("backwards it is %q, want %q", got, want)
			}
		})
	}
	for _, cursor := range []string{"x", "o", "o1", "o1.2", "q1.2.f", "o1.2.3.4", "o1.zz-.f"} {
		if _, err := s.Causes(t.Context(), store.CauseQuery{Cursor: cursor, Limit: 2}); deadletter.KindOf(
			err,
		) != deadletter.Invalid {
			t.Errorf("the cursor %q is %v", cursor, err)
		}
	}
}

// The index of the default order ranks causes as the domain does.
func TestCausesHaveTheUrgencyOfTheDomain(t *testing.T) {
	t.Parallel()
	s, path := setup(t)
	receive(t, s, failure("a-1", 422, start))
	c := group(t, s, desktest.Message(t, s, "a-1").Fingerprint)
	file, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	for _, c.State = range deadletter.CauseStates() {
		for _, c.Growth = range []int{0, 400} {
			var got int
			err := file.QueryRowContext(t.Context(), "UPDATE causes SET state = ?, growth = ? RETURNING urgency",
				c.State, c.Growth).Scan(&got)
			if err != nil || got != c.Urgency() {
				t.Errorf(
					"%s with the growth %d has the urgency %d, want %d, %v",
					c.State,
					c.Growth,
					got,
					c.Urgency(),
					err,
				)
			}
		}
	}
}

// readCauses returns the names on a page and on those that next leads to, one text a page.
func readCauses(
	t *testing.T, s *store.Store, q store.CauseQuery, next func(store.Page[deadletter.Cause]) string,
) (pages []string) {
	t.Helper()
	for {
		p, err := s.Causes(t.Context(), q)
		if err != nil || len(pages) > len(listed) {
			t.Fatalf("after %d pages: %v", len(pages), err)
		}
		pages = append(pages, namesOf(p.Items))
		if q.Cursor = next(p); q.Cursor == "" {
			return pages
		}
	}
}

// lastCursor returns the cursor of the last page.
func lastCursor(t *testing.T, s *store.Store, q store.CauseQuery) (cursor string) {
	t.Helper()
	for {
		p, err := s.Causes(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if p.Older == "" {
			return cursor
		}
		q.Cursor, cursor = p.Older, p.Older
	}
}

func TestCausesAreFiltered(t *testing.T) {
	t.Parallel()
	s := fillCauses(t)
	type states = []deadletter.CauseState
	for name, c := range map[string]struct {
		filter store.CauseFilter
		want   string
	}{
		"a source":        {store.CauseFilter{Source: "cxone"}, "new growing large resolved"},
		"one state":       {store.CauseFilter{States: states{deadletter.CauseMuted}}, "muted"},
		"states":          {store.CauseFilter{States: states{deadletter.CauseMuted, deadletter.CauseNew}}, "new muted"},
		"mine":            {store.CauseFilter{Owner: "anna"}, "claimed"},
		"not mine":        {store.CauseFilter{Owner: "jo"}, ""},
		"unowned":         {store.CauseFilter{Unowned: true, Text: "large claimed"}, ""},
		"words":           {store.CauseFilter{Text: "MISSING large"}, "large"},
		"a ticket":        {store.CauseFilter{Text: "ops-1"}, "known"},
		"a percent sign":  {store.CauseFilter{Text: "50%"}, "resolved"},
		"no wildcard":     {store.CauseFilter{Text: "f_eld"}, ""},
		"exact words":     {store.CauseFilter{Text: `"MUTED is missing"`}, "muted"},
		"no exact word":   {store.CauseFilter{Text: `"mute is"`}, ""},
		"part of a word":  {store.CauseFilter{Text: `"uted is missing"`}, ""},
		"begun words":     {store.CauseFilter{Text: `"field of mut"*`}, "muted"},
		"without a word":  {store.CauseFilter{Text: "source:cxone -e -is"}, ""},
		"not of a source": {store.CauseFilter{Text: `-source:genesys -"of large"`}, "new growing resolved"},
		"not of a state":  {store.CauseFilter{Text: "-state:new cxone"}, "growing large resolved"},
		"me":              {store.CauseFilter{Text: "assignee:me", By: "anna"}, "claimed"},
		"nameless me":     {store.CauseFilter{Text: "assignee:me"}, ""},
		"nobody":          {store.CauseFilter{Text: "assignee:none claimed"}, ""},
		"a source's name": {store.CauseFilter{Text: "cxone growing"}, "growing"},
		"all at once": {store.CauseFilter{
			Source: "genesys", States: states{deadletter.CauseKnown, deadletter.CauseNew}, Unowned: true, Text: "known",
		}, "known"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			page, err := s.Causes(t.Context(), store.CauseQuery{CauseFilter: c.filter, Limit: 10})
			if got := namesOf(page.Items); err != nil || got != c.want {
				t.Errorf("there are %q, want %q, %v", got, c.want, err)
			}
			counts, err := s.CauseCounts(t.Context(), c.filter)
			n := 0
			for state, count := range counts.ByState {
				if len(c.filter.States) == 0 || slices.Contains(c.filter.States, state) {
					n += count
				}
			}
			if err != nil || n != len(page.Items) {
				t.Errorf("counts %v for %d causes, %v", counts, len(page.Items), err)
			}
		})
	}
}

// The hours of a cause count failures when they happened, and recoveries.
func TestHoursOfACause(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	hour := start.Truncate(time.Hour)
	for i := range 4 {
		receive(t, s, failure(fmt.Sprintf("a-%d", i), 422, start.Add(-time.Duration(i%2)*time.Hour)))
	}
	m := replay(t, s, "a-0", false, 200)
	replay(t, s, "a-1", false, 422)
	moved := replay(t, s, "a-2", false, 404)
	got, err := s.CauseHours(t.Context(), []string{m.Fingerprint, moved.Fingerprint, "none"}, hour.Add(-time.Hour))
	want := map[string][]deadletter.CauseHour{
		m.Fingerprint:     {{At: hour.Add(-time.Hour), Failed: 2}, {At: hour, Failed: 2, Recovered: 1}},
		moved.Fingerprint: {{At: hour, Failed: 1}},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) || err != nil {
		t.Errorf("hours %v, want %v, %v", got, want, err)
	}
	if got, err = s.CauseHours(t.Context(), []string{m.Fingerprint}, start); len(got[m.Fingerprint]) != 1 {
		t.Errorf("from the present hour on there are %v, %v", got, err)
	}
}

// The reason of the latest edit that was delivered is the cause's.
func TestCauseHasTheReasonOfTheEditThatHelped(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for i := range 2 {
		receive(t, s, failure(fmt.Sprintf("a-%d", i), 422, start))
	}
	fingerprint := replay(t, s, "a-0", true, 422).Fingerprint
	if c := group(t, s, fingerprint); c.EditReason != "" {
		t.Errorf("an edit that failed is %q", c.EditReason)
	}
	replay(t, s, "a-1", true, 200)
	if c := group(t, s, fingerprint); c.EditReason != "fix" || c.Failed != 1 || c.Retrying != 0 {
		t.Errorf("%+v", c)
	}
}

func TestNotesOfACause(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	c := group(t, s, receive(t, s, failure("a-0", 422, start)).Fingerprint)
	add := func(text string) {
		write(t, s, func(ctx context.Context, tx *store.Tx) error {
			note, event, err := c.AddNote(anna, text, start)
			if err != nil {
				return err
			}
			return tx.AddCauseNote(ctx, note, event)
		})
	}
	add("first")
	add("second")
	for _, text := range []string{"better", "best"} {
		write(t, s, func(ctx context.Context, tx *store.Tx) error {
			note, err := tx.CauseNote(ctx, 1)
			if err != nil {
				return err
			}
			note, event, err := note.Edit(anna, "genesys", text, start.Add(time.Minute))
			if err != nil {
				return err
			}
			return tx.EditCauseNote(ctx, note, event)
		})
	}
	list, err := s.CauseNotes(t.Context(), c.Fingerprint)
	if err != nil || len(list) != 2 || list[0].Text != "best" || list[1].Text != "second" || list[0].By != "anna" ||
		len(list[0].Edits) != 2 || list[0].Edits[0].Text != "first" || list[0].Edits[1].Text != "better" {
		t.Errorf("notes %+v, %v", list, err)
	}
	events, err := s.Events(t.Context(), store.EventQuery{
		EventFilter: store.EventFilter{Cause: c.Fingerprint, Action: "cause."}, Limit: 10,
	})
	if err != nil || len(events.Items) != 4 {
		t.Errorf("%d events, %v", len(events.Items), err)
	}
	if _, err := s.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}
