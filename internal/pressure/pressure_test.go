package pressure_test

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/pressure"
)

// capture lets webhooks fail evenly for a second, each of which takes so long to capture.
func capture(g *pressure.Gauge, perSecond int, took time.Duration) {
	for range perSecond {
		g.Captured(took)
		time.Sleep(time.Second / time.Duration(perSecond))
	}
}

func TestPressureIsHighWhileManyCapturesAreSlow(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, c := range map[string]struct {
		quiet     time.Duration
		perSecond int
		took      time.Duration
		waits     time.Duration // for a processor
		want      bool
	}{
		"many, slow":                        {4 * ms, 200, 20 * ms, ms, true},
		"many, not slow":                    {4 * ms, 2000, 8 * ms, ms, false},
		"few, slow":                         {4 * ms, 50, 20 * ms, ms, false},
		"many, as slow as ever":             {40 * ms, 200, 50 * ms, ms, false},
		"many, slow for a fast queue":       {ms, 200, 4 * ms, ms, true},
		"many, slow from the start":         {0, 200, 20 * ms, ms, true},
		"many, not slow, from the start on": {0, 200, 10 * ms, ms, false},
		"many, slow, but not for us":        {4 * ms, 200, 60 * ms, ms / 50, false},
		"a distant queue, from the start":   {0, 200, 60 * ms, ms / 50, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := pressure.New(func() time.Duration { return c.waits })
				if g.High() {
					t.Error("it is high before anything failed")
				}
				for range 20 {
					if c.quiet > 0 {
						capture(g, 5, c.quiet)
					}
				}
				for range 100 {
					capture(g, c.perSecond, c.took)
					if g.High() != c.want {
						t.Fatalf("high is %t", !c.want)
					}
					if c.perSecond < 100 {
						break // these are the new quiet value
					}
				}
				time.Sleep(time.Second)
				if g.High() {
					t.Error("it is still high when nothing fails any more")
				}
			})
		})
	}
}

func TestWorkUnderPressureHasATurnFromTimeToTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g := pressure.New(desktest.Busy)
		turns := g.NewTurns(2 * time.Second)
		for range 10 {
			if wait := turns.Wait(); wait > 0 {
				t.Errorf("without pressure a turn is in %v", wait)
			}
		}
		capture(g, 200, time.Second)
		var capturing sync.WaitGroup
		capturing.Go(func() {
			for range 10 {
				capture(g, 200, time.Second)
			}
		})
		taken := 0
		for begun := time.Now(); time.Since(begun) < 8*time.Second; {
			wait := turns.Wait()
			if wait == 0 {
				taken++
			}
			time.Sleep(max(wait, time.Millisecond))
		}
		if taken != 4 {
			t.Errorf("%d turns in eight seconds of pressure, want one in two seconds", taken)
		}
		capturing.Wait()
	})
}

func TestNilGaugeIsNeverHigh(t *testing.T) {
	t.Parallel()
	var g *pressure.Gauge
	g.Captured(time.Second)
	if g.High() || g.NewTurns(time.Hour).Wait() != 0 || g.NewTurns(time.Hour).Wait() != 0 {
		t.Error("it is high")
	}
}
