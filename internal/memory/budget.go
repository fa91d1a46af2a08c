// Package memory bounds the memory that large bodies take. It must not know what a body is.
package memory

import (
	"runtime/debug"

	"golang.org/x/sync/semaphore"
)

// Budget is the memory for large bodies of one part of the program, in bytes.
type Budget struct{ *semaphore.Weighted }

// NewBudget returns a budget of so many bytes.
func NewBudget(bytes int64) *Budget { return &Budget{semaphore.NewWeighted(bytes)} }

// large is the size from which Release collects garbage, in bytes. The next large body would be allocated before the
// collector notices by itself that the last one is gone.
const large = 8 << 20

// Release gives memory back. The caller must not hold the body any more.
func (b *Budget) Release(bytes int64) {
	if bytes >= large {
		debug.FreeOSMemory()
	}
	b.Weighted.Release(bytes)
}
