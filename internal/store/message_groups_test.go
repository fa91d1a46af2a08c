package store_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// groupsOf reads every page of a grouped list, a few groups at a time, forwards and back, and returns the groups.
func groupsOf(t *testing.T, s *store.Store, f store.Filter) (all []store.MessageGroup, partly bool) {
	t.Helper()
	q := store.GroupQuery{Filter: f, Limit: 2, Newest: 3}
	var back string
	for {
		page, part, err := s.MessageGroups(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		all, partly, back = append(all, page.Items...), part, page.Newer
		if q.Cursor = page.Older; q.Cursor == "" {
			break
		}
	}
	if back == "" {
		return all, partly
	}
	q.Cursor = back
	page, _, err := s.MessageGroups(t.Context(), q)
	before := (len(all)-1)/2*2 - 2
	if err != nil || len(page.Items) != 2 || page.Items[0].Cause != all[before].Cause {
		t.Errorf("the page before the last one has %d groups, %v", len(page.Items), err)
	}
	return all, partly
}

// checkGroups compares the groups of a filter with the messages that it finds one by one.
func checkGroups(t *testing.T, s *store.Store, f store.Filter) (groups int) {
	t.Helper()
	want := map[string][]deadletter.ID{}
	q := store.MessageQuery{Filter: f, Limit: 100}
	for {
		page, err := s.Messages(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Items {
			want[m.Fingerprint] = append(want[m.Fingerprint], m.ID)
		}
		if q.Cursor = page.Older; q.Cursor == "" {
			break
		}
	}
	got, partly := groupsOf(t, s, f)
	if partly || len(got) != len(want) {
		t.Errorf("%d groups, want %d; partly %t", len(got), len(want), partly)
	}
	for i, g := range got {
		ids := want[g.Cause]
		var newest []deadletter.ID
		for _, m := range g.Newest {
			newest = append(newest, m.ID)
		}
		if g.Messages != len(ids) || !slices.Equal(newest, ids[:min(len(ids), 3)]) {
			t.Errorf("%s: %d messages, the newest %v; want %d, %v", g.Cause, g.Messages, newest, len(ids), ids)
		}
		if i > 0 && g.Messages > got[i-1].Messages {
			t.Errorf("%d messages come after %d", g.Messages, got[i-1].Messages)
		}
	}
	return len(got)
}

// Every filter is grouped as its messages are: by stored counts, by reading the newest, and with a search.
func TestGroupsHaveAllMessagesOfAFilter(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for i, name := range []string{"amber", "blue", "coral", "denim", "ebony"} {
		receiveMany(t, s, name, "shard "+name+" is down", 3+2*i)
	}
	replay(t, s, "blue-0", false, 200)
	replay(t, s, "coral-1", false, 500)
	m, err := s.Message(t.Context(), "ebony-4")
	if err != nil {
		t.Fatal(err)
	}
	put, err := m.Archive(anna, "a test", m.Version, start)
	apply(t, s, put, err)
	desktest.Search(t, s, nil)
	searched(t, s)
	causes := causesByTitle(t, s)
	ebony, blue := causes["503 shard ebony is down"].Fingerprint, causes["503 shard blue is down"].Fingerprint
	for name, c := range map[string]struct {
		store.Filter
		groups int
	}{
		"all":        {store.Filter{}, 6},
		"failed":     {store.Filter{Status: deadletter.Failed}, 5},
		"archived":   {store.Filter{Status: deadletter.Archived}, 1},
		"code":       {store.Filter{StatusCode: 503, Status: deadletter.Failed}, 5},
		"source":     {store.Filter{Source: "genesys"}, 6},
		"no source":  {store.Filter{NoSource: true}, 0},
		"causes":     {store.Filter{Cause: ebony + "," + blue}, 2},
		"state":      {store.Filter{Text: "state:new source:genesys"}, 6},
		"cause text": {store.Filter{Text: "cause:ebony", Status: deadletter.Failed}, 1},
		"not":        {store.Filter{Text: "-cause:ebony -code:200"}, 5},
		"time":       {store.Filter{From: start.Add(3 * time.Minute), Status: deadletter.Failed}, 4},
		"word":       {store.Filter{Text: "shard"}, 5},
		"words":      {store.Filter{Text: "ebony", Status: deadletter.Failed}, 1},
		"phrase":     {store.Filter{Text: `"shard ebony is down"`}, 1},
		"nothing":    {store.Filter{Text: "nothing"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			if n := checkGroups(t, s, c.Filter); n != c.groups {
				t.Errorf("%d groups, want %d", n, c.groups)
			}
		})
	}
	if _, _, err := s.MessageGroups(t.Context(), store.GroupQuery{Cursor: "o1", Limit: 2}); deadletter.KindOf(
		err,
	) != deadletter.Invalid {
		t.Errorf("a cursor of another list: %v", err)
	}
}

// Where more match than are read, the numbers are those of the newest ones, and it says so.
func TestGroupsOfVeryManySayThatThereMayBeMore(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for from := 0; from < store.MaxGrouped+500; from += 500 {
		receiveMany(t, s, fmt.Sprint("m", from), "shard blue is down", 500)
	}
	receiveMany(t, s, "r", "shard red is down", 5)
	since := store.Filter{From: start.Add(-time.Hour), Status: deadletter.Failed}
	groups, partly := groupsOf(t, s, since)
	total := 0
	for _, g := range groups {
		total += g.Messages
	}
	if !partly || total != store.MaxGrouped {
		t.Errorf("%d messages in %d groups, partly %t", total, len(groups), partly)
	}
	exact, partly := groupsOf(t, s, store.Filter{Status: deadletter.Failed})
	if partly || len(exact) != 2 || exact[0].Messages != store.MaxGrouped+500 {
		t.Errorf("without the time: %d groups, partly %t", len(exact), partly)
	}
	counts, err := s.Counts(t.Context(), store.Filter{Cause: exact[0].Cause})
	if want := map[deadletter.Status]int{deadletter.Failed: store.MaxGrouped + 500}; err != nil ||
		!maps.Equal(counts.ByStatus, want) || len(counts.AtLeast) != 0 {
		t.Errorf("the counts of a cause are %+v, %v", counts, err)
	}
}

// The counts of causes follow the messages through a merge, changes in it, and its undo.
func TestGroupsFollowMergedCauses(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	receiveMany(t, s, "a", "shard blue is down", 4)
	receiveMany(t, s, "b", "no shard", 300)
	causes := causesByTitle(t, s)
	merge := mergeCauses(t, s, causes["503 shard blue is down"], causes["503 no shard"])
	checkGroups(t, s, store.Filter{})
	replay(t, s, "b-1", false, 200)
	regroup(t, s)
	if n := checkGroups(t, s, store.Filter{}); n != 1 {
		t.Errorf("merged they are %d", n)
	}
	undo(t, s, merge)
	regroup(t, s)
	if n := checkGroups(t, s, store.Filter{Status: deadletter.Failed}); n != 2 {
		t.Errorf("after undo they are %d", n)
	}
	checkGroups(t, s, store.Filter{})
}
