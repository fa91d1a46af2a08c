package server

import (
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
)

const (
	// maxConnections bounds the connections of a listener, and so the memory that they need.
	maxConnections = 4096

	// gcPercent makes garbage collections rare: webhooks in flight are garbage soon, and there is little beside them.
	gcPercent = 400

	// memoryLimit, in bytes, makes collections as frequent as needed before rarity makes the process large. SQLite's
	// caches and the program's own text come on top.
	memoryLimit = 64 << 20
)

// maxOpenConnections returns maxConnections, or half of the files that this process may open if that is less: the
// other half is for deliveries, queues and the store.
func maxOpenConnections() int {
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		return maxConnections
	}
	return int(min(maxConnections, max(2, files.Cur)/2))
}

// BoundMemory sets the garbage collector's goals for the whole process. GOGC and GOMEMLIMIT of the environment
// override them.
func BoundMemory(environ []string) {
	has := func(name string) bool {
		return slices.ContainsFunc(environ, func(v string) bool { return strings.HasPrefix(v, name+"=") })
	}
	if !has("GOGC") {
		debug.SetGCPercent(gcPercent)
	}
	if !has("GOMEMLIMIT") {
		debug.SetMemoryLimit(memoryLimit)
	}
}
