package redrive_test

import (
	"slices"
	"testing"

	"dlqdesk/internal/redrive"
)

func TestRedriveOrderOfGroups(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fifo     bool
		inFlight string
		groups   []string
		limit    int
		want     []int
	}{
		"one of each group":       {true, "", []string{"a", "b", "a"}, 10, []int{0, 1}},
		"none of a busy group":    {true, "a", []string{"a", "b", "a"}, 10, []int{1}},
		"messages without groups": {true, "", []string{"", "", ""}, 2, []int{0, 1}},
		"a standard queue":        {false, "a", []string{"a", "b", "a"}, 10, []int{0, 1, 2}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			order := redrive.NewOrder(c.fifo)
			order.Begin(c.inFlight)
			groupOf := func(i int) string { return c.groups[i] }
			if got := order.Choose(len(c.groups), c.limit, groupOf); !slices.Equal(got, c.want) {
				t.Errorf("it chooses %v, want %v", got, c.want)
			}
			order.End(c.inFlight)
			if got := order.Choose(1, 1, groupOf); len(got) != 1 {
				t.Error("a group stays busy after its message has ended")
			}
		})
	}
}
