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

	// slow is how many times its quiet value a capture takes when the machine cannot do everything. Captures that share
	// a commit or a call with others take about twice as long as alone.
	slow = 3

	// busy is how long goroutines wait for a processor, on average, when the machine cannot do everything: 0.3 to 1 ms
	// with webhooks that fail as fast as two processors can do. It tells such a machine from a queue that is slow
	// itself.
	busy = 100 * time.Microsecond

	// assumedQuiet is the quiet value before any capture without load.
	assumedQuiet = 5 * time.Millisecond
)

// Gauge measures the pressure on this process by how long captures take: from a failed delivery until a queue has
// confirmed the message. It is high while there are many, they take much longer than without load, and the processors
// are busy. A nil Gauge is never high.
//
// Example: a capture takes 4 ms now and then. With 500 a second that take 20 ms each the pressure is high, with 2,000 a
// second that take 8 ms it is not. Neither is it with 500 that take 60 ms because SQS is far away.
type Gauge struct {
	waits func() time.Duration

	mu       sync.Mutex
	begun    time.Time     // of the present window
	captures int           // in the present window
	took     time.Duration // all of these together
	quiet    time.Duration // how long a capture takes without load
	high     bool          // in the window before
}

// New returns a gauge. waits returns how long goroutines have waited for a processor since its last call, on average:
// see ProcessorWaits.
func New(waits func() time.Duration) *Gauge {
	return &Gauge{waits: waits, begun: time.Now(), quiet: assumedQuiet}
}

// Captured records how long a capture took.
func (g *Gauge) Captured(took time.Duration) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.endWindow()
	g.captures, g.took = g.captures+1, g.took+took
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
	average := g.took / time.Duration(max(g.captures, 1))
	load := g.waits() > busy && g.captures >= manyCaptures
	g.high = load && lasted < 2*window && average > slow*g.quiet
	if g.captures > 0 {
		g.learn(average, load)
	}
	g.begun, g.captures, g.took = time.Now(), 0, 0
}

// learn corrects the quiet value: down at once, up by a tenth at most, and never up under load.
func (g *Gauge) learn(average time.Duration, load bool) {
	if average < g.quiet || !load {
		g.quiet = min(average, g.quiet+g.quiet/10+1)
	}
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

// latencies is the distribution of the time that goroutines which could run waited for a processor.
const latencies = "/sched/latencies:seconds"

// ProcessorWaits returns a function for New. Many threads of other programs lengthen these waits as well.
func ProcessorWaits() func() time.Duration {
	sample := []metrics.Sample{{Name: latencies}}
	var waits, seconds float64 // of the program so far
	return func() time.Duration {
		metrics.Read(sample)
		earlierWaits, earlierSeconds := waits, seconds
		waits, seconds = total(sample[0].Value.Float64Histogram())
		if waits == earlierWaits {
			return 0
		}
		return time.Duration((seconds - earlierSeconds) / (waits - earlierWaits) * float64(time.Second))
	}
}

// total returns how many values a histogram has and about what they add up to, each counted as the lower end of its
// bucket. The lowest and the highest bucket are open.
func total(h *metrics.Float64Histogram) (n, sum float64) {
	for i, count := range h.Counts {
		n += float64(count)
		sum += float64(count) * max(0, h.Buckets[i])
	}
	return n, sum
}
