// Package pressure measures whether webhooks fail faster than this machine can do everything. While they do, keeping
// them comes first: work that can wait (ingest, automatic retries, the search index) takes a turn from time to time
// only, and catches up afterwards. The package must not know what that work is.
package pressure

import (
	"runtime/metrics"
	"sync"
	"time"
)

const (
	// window is the time that a measurement covers.
	window = 250 * time.Millisecond

	// manyCaptures of a window are load; with fewer nothing has to yield.
	manyCaptures = 25

	// longWait is the average wait for a processor from which on the machine has more to do than it can.
	longWait = time.Millisecond
)

// Gauge measures the pressure on this process. It is high while many webhooks fail and have to wait for a processor.
// A nil Gauge is never high.
//
// Example: 200 messages a second are captured, and a goroutine that could run waits for 3 ms on average: high. With 2,000
// a second and waits of 0.1 ms, the machine can do everything: not high.
type Gauge struct {
	wait func() time.Duration

	mu       sync.Mutex
	begun    time.Time // of the present window
	captures int       // in the present window
	high     bool      // in the window before
}

// New returns a gauge. wait returns the average wait for a processor since its last call: see ProcessorWait.
func New(wait func() time.Duration) *Gauge { return &Gauge{wait: wait, begun: time.Now()} }

// Captured records that a queue has confirmed the message of a webhook whose delivery failed.
func (g *Gauge) Captured() {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.endWindow()
	g.captures++
}

// High reports whether work that can wait has to.
func (g *Gauge) High() bool {
	if g == nil {
		return false
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.endWindow()
	return g.high
}

// endWindow begins another window if the present one is over.
func (g *Gauge) endWindow() {
	lasted := time.Since(g.begun)
	if lasted < window {
		return
	}
	waited := g.wait()
	g.high = lasted < 2*window && g.captures >= manyCaptures && waited >= longWait
	g.begun, g.captures = time.Now(), 0
}

// Turns gives turns to work that can wait: any number of them, or one in a while as long as the pressure is high. One
// goroutine uses it.
type Turns struct {
	gauge  *Gauge
	every  time.Duration
	latest time.Time
}

// NewTurns returns the turns of one work: one in every so long under pressure.
func (g *Gauge) NewTurns(every time.Duration) *Turns { return &Turns{gauge: g, every: every} }

// Wait takes a turn and returns 0, or returns after how long to ask again.
func (t *Turns) Wait() time.Duration {
	if left := t.every - time.Since(t.latest); left > 0 && t.gauge.High() {
		return min(left, window)
	}
	t.latest = time.Now()
	return 0
}

// ProcessorWait returns a function for New: how long goroutines of this process that could run waited on average, as
// the Go scheduler measures it.
func ProcessorWait() func() time.Duration {
	sample := []metrics.Sample{{Name: "/sched/latencies:seconds"}}
	var waits, seconds float64
	return func() time.Duration {
		metrics.Read(sample)
		now, sum := 0.0, 0.0
		histogram := sample[0].Value.Float64Histogram()
		for n, count := range histogram.Counts {
			now += float64(count)
			sum += float64(count) * max(histogram.Buckets[n], 0)
		}
		average := (sum - seconds) / max(now-waits, 1)
		waits, seconds = now, sum
		return time.Duration(average * float64(time.Second))
	}
}
