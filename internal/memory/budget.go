// Package memory bounds the memory that large bodies take. It must not know what a body is.
package memory

import (
	"context"
	"runtime/debug"

	"golang.org/x/sync/semaphore"
)

// Budget is the memory for large bodies of one part of the program, in bytes.
type Budget struct{ *semaphore.Weighted }

// NewBudget returns a budget of so many bytes.
func NewBudget(bytes int64) *Budget { return &Budget{semaphore.NewWeighted(bytes)} }

// large is the size from which garbage is collected before and after the memory is used, in bytes. The body would be
// allocated beside the garbage of all else, and the next one before the collector notices that this one is gone.
const large = 8 << 20

// Acquire waits until so much memory is free.
func (b *Budget) Acquire(ctx context.Context, bytes int64) error {
	if err := b.Weighted.Acquire(ctx, bytes); err != nil {
		return err
	}
	collect(bytes)
	return nil
}

// Release gives memory back. The caller must not hold the body any more.
func (b *Budget) Release(bytes int64) {
	collect(bytes)
	b.Weighted.Release(bytes)
}

func collect(bytes int64) {
	if bytes >= large {
		debug.FreeOSMemory()
	}
}
