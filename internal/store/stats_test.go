package store_test

import (
	"fmt"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// The tallies of every step count the same messages.
func TestTalliesCountFailuresAndRecoveries(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for i, minute := range []int{0, 0, 14, 15, 75} {
		c := failure(fmt.Sprintf("g-%d", i), 503, noon.Add(time.Duration(minute)*time.Minute))
		if i == 4 {
			c.Source = "cxone"
		}
		receive(t, s, c)
	}
	deliver(t, s, "g-0", noon.Add(20*time.Minute), false)
	deliver(t, s, "g-1", noon.Add(29*time.Minute+59*time.Second), true)
	for step, want := range map[time.Duration]string{
		15 * time.Minute: "12:00 genesys 3 0 0; 12:15 genesys 1 1 1; 13:15 cxone 1 0 0; ",
		time.Hour:        "12:00 genesys 4 1 1; 13:00 cxone 1 0 0; ",
		24 * time.Hour:   "00:00 cxone 1 0 0; 00:00 genesys 4 1 1; ",
	} {
		t.Run(step.String(), func(t *testing.T) {
			if got := tallies(
				t, s,
				store.TallyQuery{From: noon.Truncate(step), To: noon.Add(24 * time.Hour).Truncate(step), Step: step},
			); got != want {
				t.Errorf("in steps of %s: %q, want %q", step, got, want)
			}
		})
	}
	if got, want := tallies(
		t, s, store.TallyQuery{Source: "cxone", From: noon, To: noon.Add(2 * time.Hour), Step: time.Minute},
	), "13:15 cxone 1 0 0; "; got != want {
		t.Errorf("of one source: %q, want %q", got, want)
	}
	if got, want := tallies(
		t, s,
		store.TallyQuery{From: noon.Add(time.Minute), To: noon.Add(75 * time.Minute), Step: time.Minute},
	),
		"12:14 genesys 1 0 0; 12:15 genesys 1 0 0; 12:20 genesys 0 1 0; 12:29 genesys 0 0 1; "; got != want {
		t.Errorf("of a time: %q, want %q", got, want)
	}
}

func tallies(t *testing.T, s *store.Store, q store.TallyQuery) (text string) {
	t.Helper()
	list, err := s.Tallies(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	for _, one := range list {
		text += fmt.Sprintf(
			"%s %s %d %d %d; ", one.At.Format("15:04"), one.Source, one.Failed, one.ByRetry, one.ByPeople,
		)
	}
	return text
}

// deliver has a message delivered at a time, by its own retry or because a person asked.
func deliver(t *testing.T, s *store.Store, id deadletter.ID, at time.Time, asked bool) {
	t.Helper()
	m, err := s.Message(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if asked {
		c, err := m.Replay(
			deadletter.User("mia", deadletter.Operator, ""), deadletter.TriggerReplay, 0, m.Version, at,
		)
		m = apply(t, s, c, err)
	}
	opened, err := m.Claim(deadletter.Lease{Token: "t", Until: at.Add(time.Minute)}, "", at)
	m = apply(t, s, opened, err)
	a := *opened.Attempt
	a.Outcome, a.StatusCode = deadletter.Delivered, 200
	closed, err := m.Finish("t", a, deadletter.RetryPolicy{}, 0, at)
	apply(t, s, closed, err)
}

func TestCountUpTo(t *testing.T) {
	t.Parallel()
	s, _ := setup(t)
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	for i := range 7 {
		c := failure(fmt.Sprintf("g-%d", i), []int{422, 503}[i%2], noon.Add(time.Duration(i)*time.Hour))
		receive(t, s, c)
	}
	for _, test := range []struct {
		filter store.Filter
		limit  int
		want   int
	}{
		{store.Filter{}, 10, 7},
		{store.Filter{}, 3, 3},
		{store.Filter{Status: deadletter.Failed}, 10, 4},
		{store.Filter{Status: deadletter.Failed, From: noon.Add(2 * time.Hour), To: noon.Add(6 * time.Hour)}, 10, 2},
		{store.Filter{Source: "cxone"}, 10, 0},
	} {
		t.Run(fmt.Sprintf("%d of at most %d", test.want, test.limit), func(t *testing.T) {
			if got, err := s.CountUpTo(t.Context(), test.filter, test.limit); got != test.want || err != nil {
				t.Errorf("%+v: %d, want %d (%v)", test.filter, got, test.want, err)
			}
		})
	}
	counts, err := s.CountsBySource(t.Context())
	if got := counts["genesys"]; err != nil || got[deadletter.Failed] != 4 || got[deadletter.Retrying] != 3 {
		t.Errorf("counts %v, %v", counts, err)
	}
}
