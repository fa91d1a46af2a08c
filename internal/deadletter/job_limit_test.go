package deadletter_test

import (
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

func TestJobIsHeldByOneLimit(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 10, 15, 5, 0, time.UTC)
	down := deadletter.Pace{OpenSince: now, PausedUntil: now.Add(time.Minute), Ramp: 20, RateLimit: 5, Places: 24}
	paused := down
	paused.OpenSince = time.Time{}
	up := paused
	up.PausedUntil = now
	with := func(p deadletter.Pace, change func(*deadletter.Pace)) deadletter.Pace {
		change(&p)
		return p
	}
	for name, c := range map[string]struct {
		job  deadletter.Job
		pace deadletter.Pace
		want deadletter.Limit
	}{
		"an open breaker before all else": {
			deadletter.Job{JobPace: deadletter.JobPace{Rate: 1}, Steps: deadletter.JobSteps{Sizes: []int{1}}, Step: 1}, down, deadletter.Limit{Kind: deadletter.LimitBreaker, Since: now},
		},
		"a pause": {
			deadletter.Job{JobPace: deadletter.JobPace{Rate: 1}, Steps: deadletter.JobSteps{Sizes: []int{1}}, Step: 1},
			paused,
			deadletter.Limit{Kind: deadletter.LimitPause, Until: now.Add(time.Minute)},
		},
		"a step": {
			deadletter.Job{JobPace: deadletter.JobPace{Rate: 1}, Steps: deadletter.JobSteps{Sizes: []int{10}}, Step: 1}, up, deadletter.Limit{Kind: deadletter.LimitStep, Number: 10},
		},
		"the job's own rate": {
			deadletter.Job{JobPace: deadletter.JobPace{Rate: 4}}, up, deadletter.Limit{Kind: deadletter.LimitJobRate, Rate: 4},
		},
		"the job's own rate, as high as the destination's": {
			deadletter.Job{JobPace: deadletter.JobPace{Rate: 5}}, up, deadletter.Limit{Kind: deadletter.LimitJobRate, Rate: 5},
		},
		"the destination's rate": {
			deadletter.Job{JobPace: deadletter.JobPace{Rate: 6}}, up, deadletter.Limit{Kind: deadletter.LimitRateLimit, Rate: 5},
		},
		"the ramp": {
			deadletter.Job{JobPace: deadletter.JobPace{Rate: 21}},
			with(up, func(p *deadletter.Pace) { p.RateLimit, p.InFlight = 0, 24 }),
			deadletter.Limit{Kind: deadletter.LimitRamp, Rate: 20},
		},
		"a ramp at its end": {
			deadletter.Job{},
			with(up, func(p *deadletter.Pace) { p.Ramp = 5 }),
			deadletter.Limit{Kind: deadletter.LimitRateLimit, Rate: 5},
		},
		"no place is free": {
			deadletter.Job{JobPace: deadletter.JobPace{Rate: 4}},
			with(up, func(p *deadletter.Pace) { p.Ramp, p.InFlight = 0, 24 }),
			deadletter.Limit{Kind: deadletter.LimitConcurrency, Number: 24},
		},
		"nothing but places": {
			deadletter.Job{},
			deadletter.Pace{Places: 24},
			deadletter.Limit{Kind: deadletter.LimitConcurrency, Number: 24},
		},
		"nothing is known": {deadletter.Job{}, deadletter.Pace{}, deadletter.Limit{}},
		"a rate, and no more": {
			deadletter.Job{JobPace: deadletter.JobPace{Rate: 4}}, deadletter.Pace{}, deadletter.Limit{Kind: deadletter.LimitJobRate, Rate: 4},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := c.job.LimitAt(c.pace, now); got != c.want {
				t.Errorf("it is held by %+v, want %+v", got, c.want)
			}
		})
	}
}
