package pressure_test

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/pressure"
)

// capture lets webhooks fail evenly for a second.
func capture(g *pressure.Gauge, perSecond int) {
	for range perSecond {
		g.Captured()
		time.Sleep(time.Second / time.Duration(perSecond))
	}
}

func TestPressureIsHighWhileManyCapturesWait(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		perSecond int
		wait      time.Duration
		want      bool
	}{
		"many captures, long waits":  {200, 3 * time.Millisecond, true},
		"many captures, short waits": {2000, 100 * time.Microsecond, false},
		"few captures, long waits":   {50, 3 * time.Millisecond, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				g := pressure.New(func() time.Duration { return c.wait })
				if g.High() {
					t.Error("it is high before anything failed")
				}
				capture(g, c.perSecond)
				if g.High() != c.want {
					t.Errorf("high is %t", !c.want)
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
		g := pressure.New(func() time.Duration { return time.Second })
		turns := g.NewTurns(2 * time.Second)
		for range 10 {
			if wait := turns.Wait(); wait > 0 {
				t.Errorf("without pressure a turn is in %v", wait)
			}
		}
		capture(g, 200)
		var capturing sync.WaitGroup
		capturing.Go(func() {
			for range 10 {
				capture(g, 200)
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
	g.Captured()
	if g.High() || g.NewTurns(time.Hour).Wait() != 0 || g.NewTurns(time.Hour).Wait() != 0 {
		t.Error("it is high")
	}
}

// The scheduler sees goroutines that wait, whatever they wait behind.
func TestProcessorWaitGrowsWithWhatWaits(t *testing.T) {
	wait := pressure.ProcessorWait()
	wait()
	var working sync.WaitGroup
	for range 50 * runtime.GOMAXPROCS(0) {
		working.Go(func() {
			for begun, n := time.Now(), 0; time.Since(begun) < 5*time.Millisecond; n++ {
				_ = n * n
			}
		})
	}
	working.Wait()
	if got := wait(); got < time.Millisecond {
		t.Errorf("50 goroutines a processor that need 5 ms each waited for %v on average", got)
	}
}
