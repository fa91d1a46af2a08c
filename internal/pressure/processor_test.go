package pressure_test

import (
	"runtime"
	"sync"
	"testing"

	"dlqdesk/internal/pressure"
)

// With many more goroutines at work than processors each waits for its turn.
func TestWaitsAreThoseForAProcessor(t *testing.T) { //nolint:paralleltest // it takes all processors
	waits := pressure.ProcessorWaits()
	waits()
	if again := waits(); again < 0 {
		t.Errorf("waits of %v", again)
	}
	var all sync.WaitGroup
	for range 20 * runtime.GOMAXPROCS(0) {
		all.Go(func() {
			n := 0
			for i := range 2_000_000 {
				if n += i; i%10_000 == 0 {
					runtime.Gosched()
				}
			}
		})
	}
	all.Wait()
	if got := waits(); got <= 0 {
		t.Errorf("goroutines that wait for each other have waited for %v", got)
	}
}
