package store_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// replay orders a delivery of a revision, edited anew where body says so, and ends it with a status code.
func replay(t *testing.T, s *store.Store, id deadletter.ID, edit bool, code int) deadletter.Message {
	t.Helper()
	m, err := s.Message(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	change, err := m.Replay(anna, deadletter.TriggerReplay, 0, m.Version, start)
	if edit {
		change, err = m.EditAndReplay(
			anna, deadletter.TriggerEdit, deadletter.Revision{Body: []byte("{}"), Reason: "fix"}, m.Version,
			start,
		)
	}
	m = apply(t, s, change, err)
	change, err = m.Claim(deadletter.Lease{Token: "t", Until: start.Add(time.Minute)}, "", start)
	m = apply(t, s, change, err)
	a := *change.Attempt
	a.Outcome, a.StatusCode = deadletter.ErrorResponse, code
	if code == 200 {
		a.Outcome = deadletter.Delivered
	} else {
		a.Error = fmt.Sprintf("field id is missing (%d)", code)
	}
	change, err = m.Finish("t", a, policy, 0, start)
	return apply(t, s, change, err)
}

func group(t *testing.T, s *store.Store, fingerprint string) deadletter.Cause {
	t.Helper()
	g, err := s.Cause(t.Context(), fingerprint)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestCauseDescribesItsMessages(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for i := range 5 {
		receive(t, s, failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Minute)))
	}
	m := receive(t, s, failure("b-0", 404, start))
	g := group(t, s, receive(t, s, failure("a-5", 422, start.Add(-time.Minute))).Fingerprint)
	want := deadletter.Cause{
		Fingerprint: g.Fingerprint,
		Source:      "genesys",
		Destination: "http://127.0.0.1:9090/genesys",
		Title:       "422 field id is missing (422)",
		Error:       "422 field id is missing (422)",
		Messages:    6,
		StatusCode:  422,
		Failed:      6,
		FirstAt:     start.Add(-time.Minute).Truncate(time.Millisecond),
		LastAt:      start.Add(4 * time.Minute).Truncate(time.Millisecond),
		CountedAt:   start.Add(4 * time.Minute).Truncate(time.Millisecond),
		State:       deadletter.CauseNew,
		StateAt:     start.Truncate(time.Millisecond),
	}
	if g != want {
		t.Errorf("group\n got %+v\nwant %+v", g, want)
	}
	replay(t, s, "a-0", false, 422)
	replay(t, s, "a-1", false, 200)
	replay(t, s, "a-2", true, 200)
	replay(t, s, "a-3", true, 404)
	g = group(t, s, g.Fingerprint)
	if g.Messages != 6 || g.Open() != 3 || g.Unedited != (deadletter.Replays{Tried: 2, Delivered: 1}) ||
		g.Edited != (deadletter.Replays{Tried: 2, Delivered: 1}) {
		t.Errorf("after four replays it is %+v", g)
	}
	if other := group(t, s, m.Fingerprint); other.Messages != 2 || other.Open() != 2 ||
		other.Unedited.Tried+other.Edited.Tried != 0 {
		t.Errorf("the message that now fails for another cause is not in its group: %+v", other)
	}
	top, err := s.TopCauses(t.Context(), "", 10)
	if err != nil || len(top) != 2 || top[0].Open() != 3 || top[1].Open() != 2 {
		t.Errorf("the largest causes are %+v, %v", top, err)
	}
	if of, err := s.TopCauses(t.Context(), top[0].Source, 1); err != nil || len(of) != 1 || of[0] != top[0] {
		t.Errorf("the largest cause of its source is %+v, %v", of, err)
	}
	if of, err := s.TopCauses(t.Context(), "elsewhere", 10); err != nil || len(of) != 0 {
		t.Errorf("the causes of another source are %+v, %v", of, err)
	}
	archived, err := s.Message(t.Context(), "a-4")
	if err != nil {
		t.Fatal(err)
	}
	change, err := archived.Archive(anna, "a test", archived.Version, start)
	apply(t, s, change, err)
	if g = group(t, s, g.Fingerprint); g.Open() != 2 {
		t.Errorf("an archived message is still open: %+v", g)
	}
	if _, err := s.Cause(t.Context(), "none"); deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("an unknown cause answers %v", err)
	}
}

func ids(t *testing.T, s *store.Store, q store.MessageQuery) []string {
	t.Helper()
	var list []string
	for {
		page, err := s.Messages(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page.Items {
			list = append(list, string(m.ID))
		}
		if page.Older == "" {
			return list
		}
		q.Cursor = page.Older
	}
}

func TestMessagesAreFilteredAndSorted(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for i, kind := range []string{"Text", "Typing", "Text", "Text"} {
		c := failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Second))
		c.EventType, c.FirstAttempt.StartedAt = kind, start.Add(time.Duration([]int{7, 9, 9, 2}[i])*time.Minute)
		receive(t, s, c)
	}
	unknown := failure("b-0", 404, start.Add(8*time.Minute))
	unknown.FirstAttempt = nil
	last := receive(t, s, unknown)
	for name, c := range map[string]struct {
		query store.MessageQuery
		want  []string
	}{
		"by receipt": {store.MessageQuery{}, []string{"b-0", "a-3", "a-2", "a-1", "a-0"}},
		"by attempt": {
			store.MessageQuery{Sort: store.ByAttempt}, []string{"a-2", "a-1", "b-0", "a-0", "a-3"},
		},
		"of a type": {
			store.MessageQuery{Filter: store.Filter{EventType: "Text"}}, []string{"a-3", "a-2", "a-0"},
		},
		"of a cause": {store.MessageQuery{Filter: store.Filter{Cause: last.Fingerprint}}, []string{"b-0"}},
		"of a type, sorted": {
			store.MessageQuery{Filter: store.Filter{EventType: "Text"}, Sort: store.ByAttempt},
			[]string{"a-2", "a-0", "a-3"},
		},
		"of a status, sorted": {
			store.MessageQuery{Filter: store.Filter{Status: deadletter.Failed}, Sort: store.ByAttempt},
			[]string{"a-2", "a-1", "a-0", "a-3"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for _, limit := range []int{1, 2, 10} {
				c.query.Limit = limit
				if got := ids(t, s, c.query); !slices.Equal(got, c.want) {
					t.Errorf("%s, %d a page: %v, want %v", name, limit, got, c.want)
				}
			}
			for i, id := range c.want {
				newer, older, err := s.Neighbours(t.Context(), c.query, deadletter.ID(id))
				around := append(append([]string{""}, c.want...), "")
				if err != nil || string(newer) != around[i] || string(older) != around[i+2] {
					t.Errorf(
						"%s: beside %s are %q and %q, want %q and %q, %v", name, id, newer, older, around[i],
						around[i+2], err,
					)
				}
			}
		})
	}
	if types, err := s.EventTypes(t.Context()); err != nil || !slices.Equal(types, []string{"Text", "Typing"}) {
		t.Errorf("event types %v, %v", types, err)
	}
	if counts, err := s.Counts(t.Context(), store.Filter{EventType: "Text"}); err != nil ||
		counts.ByStatus[deadletter.Failed] != 3 {
		t.Errorf("counts %+v, %v", counts, err)
	}
}

func TestNeighboursOfAMessageOutsideTheList(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for i := range 3 {
		receive(t, s, failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Second)))
	}
	replay(t, s, "a-1", false, 200)
	q := store.MessageQuery{Filter: store.Filter{Status: deadletter.Failed}}
	if newer, older, err := s.Neighbours(t.Context(), q, "a-1"); err != nil || newer != "a-2" || older != "a-0" {
		t.Errorf("beside it are %q and %q, %v", newer, older, err)
	}
	if _, _, err := s.Neighbours(t.Context(), q, "none"); deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("beside a message that is not there: %v", err)
	}
}

func TestCursorOfAnotherSortIsRefused(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	for i := range 3 {
		receive(t, s, failure(fmt.Sprintf("a-%d", i), 422, start.Add(time.Duration(i)*time.Second)))
	}
	for _, sort := range []store.Sort{store.ByReceipt, store.ByAttempt} {
		t.Run(fmt.Sprint(sort), func(t *testing.T) {
			page, err := s.Messages(t.Context(), store.MessageQuery{Sort: sort, Limit: 1})
			if err != nil {
				t.Fatal(err)
			}
			other := store.ByAttempt
			if sort == store.ByAttempt {
				other = store.ByReceipt
			}
			if _, err := s.Messages(
				t.Context(), store.MessageQuery{Sort: other, Limit: 1, Cursor: page.Older},
			); deadletter.KindOf(err) != deadletter.Invalid {
				t.Errorf("a cursor of sort %q in one of %q: %v", sort, other, err)
			}
		})
	}
}
