package queue

import (
	"context"
	"sync"
	"time"
)

// Gauge tells the depth of a queue to whoever looks, however often, and asks the queue seldom.
type DepthCache struct {
	queue DepthReader
	now   func() time.Time

	mu     sync.Mutex
	readAt time.Time // when the queue was asked last
	depth  Depth
	err    error
}

// Measured is a queue that knows its depth.
type DepthReader interface {
	Name() string
	Depth(ctx context.Context) (Depth, error)
}

const (
	maxDepthAge  = 5 * time.Second // of a figure that is told again
	depthTimeout = 3 * time.Second // of asking the queue, so that nobody waits longer for a figure
)

// NewGauge makes a gauge of a queue.
func NewDepthCache(q DepthReader, now func() time.Time) *DepthCache {
	return &DepthCache{queue: q, now: now}
}

// Name names the queue.
func (g *DepthCache) Name() string { return g.queue.Name() }

// Depth returns the depth as it was a few seconds ago at most. Those who ask at the same time wait for one answer.
func (g *DepthCache) Depth(ctx context.Context) (Depth, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.readAt.IsZero() && g.now().Sub(g.readAt) < maxDepthAge {
		return g.depth, g.err
	}
	// The answer is for everybody, so it does not end with whoever asked first.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), depthTimeout)
	defer cancel()
	g.depth, g.err = g.queue.Depth(ctx)
	g.readAt = g.now()
	return g.depth, g.err
}
