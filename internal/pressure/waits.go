package pressure

import (
	"runtime/metrics"
	"time"
)

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
