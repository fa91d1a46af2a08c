package server_test

import (
	"testing"
	"time"

	"dlqdesk/internal/server"
)

func TestClockNeverGoesBack(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	day, running, steps := start, time.Duration(0), []time.Duration(nil)
	clock := server.NewClock(
		func() (time.Time, time.Duration) { return day, running },
		func(by time.Duration) { steps = append(steps, by) },
	)
	for _, c := range []struct {
		name            string
		passes, stepped time.Duration
		want            time.Duration // after start
	}{
		{"first", 0, 0, 0},
		{"a second passes", time.Second, 0, time.Second},
		{"set back by an hour", 0, -time.Hour, time.Second},
		{"at half speed", time.Minute, 0, time.Second + 30*time.Second},
		{"caught up", 2 * time.Hour, 0, time.Second + time.Minute + time.Hour},
		{"set ahead", 0, 3 * time.Hour, time.Second + time.Minute + 4*time.Hour},
		{
			"set back by a year is right at once", 0, -365 * 24 * time.Hour,
			time.Second + time.Minute + 4*time.Hour - 365*24*time.Hour,
		},
	} {
		day, running = day.Add(c.passes+c.stepped), running+c.passes
		if got := clock.Now().Sub(start); got != c.want {
			t.Errorf("%s: it is %v after the start, want %v", c.name, got, c.want)
		}
	}
	if len(steps) != 2 || steps[0] != time.Hour {
		t.Errorf("reported steps %v", steps)
	}
}
