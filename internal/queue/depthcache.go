package queue

import (
	"context"
	"sync"
	"time"
)

// DepthCache remembers the depth of a queue for a few seconds, so that many readers cost the queue one request.
type DepthCache struct {
	ask func(ctx context.Context) (Depth, error)
	now func() time.Time

	mu     sync.Mutex
	readAt time.Time // when the queue was asked last
	depth  Depth
	err    error
}

// DepthReader is a queue that knows its depth.
type DepthReader interface {
	Name() string
	Depth(ctx context.Context) (Depth, error)
}

const (
	maxDepthAge  = 5 * time.Second // of a depth that is returned again
	depthTimeout = 3 * time.Second // of asking the queue
)

// NewDepthCache returns a cache for the queue whose depth ask returns.
func NewDepthCache(ask func(ctx context.Context) (Depth, error), now func() time.Time) *DepthCache {
	return &DepthCache{ask: ask, now: now}
}

// Depth returns the depth, at most a few seconds old. Concurrent callers wait for one answer of the queue.
func (g *DepthCache) Depth(ctx context.Context) (Depth, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.readAt.IsZero() && g.now().Sub(g.readAt) < maxDepthAge {
		return g.depth, g.err
	}
	// The result is for all callers, so the request does not end with the context of the first.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), depthTimeout)
	defer cancel()
	g.depth, g.err = g.ask(ctx)
	g.readAt = g.now()
	return g.depth, g.err
}
