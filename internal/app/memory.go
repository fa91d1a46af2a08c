package app

import (
	"runtime/debug"
	"slices"
	"strings"
)

const (
	// gcPercent has garbage collected seldom: messages on their way are garbage soon, and there is little beside them.
	gcPercent = 400

	// memoryLimit, in bytes, has it collected as often as it must before that makes the program large. SQLite's
	// caches and the program's own text come on top.
	memoryLimit = 64 << 20
)

// BoundMemory sets how the memory of the whole process is collected. GOGC and GOMEMLIMIT, where the environment has
// them, stand.
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
