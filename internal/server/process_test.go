package server_test

import (
	"math"
	"runtime/debug"
	"testing"

	"dlqdesk/internal/server"
)

// The test changes the whole process, so it cannot be parallel.
func TestEnvironmentOverridesMemoryBounds(t *testing.T) { //nolint:paralleltest // see above
	percent, limit := debug.SetGCPercent(100), debug.SetMemoryLimit(math.MaxInt64)
	defer func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	}()
	server.BoundMemory([]string{"GOGC=50", "GOMEMLIMIT=1GiB"})
	if got := debug.SetGCPercent(100); got != 100 {
		t.Errorf("GOGC stands, and the percentage became %d", got)
	}
	if got := debug.SetMemoryLimit(-1); got != math.MaxInt64 {
		t.Errorf("GOMEMLIMIT stands, and the limit became %d", got)
	}
	server.BoundMemory([]string{"HOME=/", "GOGCX=1"})
	if got := debug.SetGCPercent(100); got <= 100 {
		t.Errorf("garbage is collected at %d percent", got)
	}
	if got := debug.SetMemoryLimit(-1); got > 100<<20 {
		t.Errorf("the limit is %d bytes", got)
	}
}
