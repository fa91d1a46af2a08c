package queue

import (
	"context"
	"sync"
	"time"
)

// Gauge tells the depth of a queue to whoever looks, however often, and asks the queue seldom.
type Gauge struct {
	queue Measured
	now   func() time.Time

	mu   sync.Mutex
	read time.Time // when the queue was asked last
	kept Depth
	err  error
}

// Measured is a queue that knows its depth.
type Measured interface {
	Name() string
	Depth(ctx context.Context) (Depth, error)
}

const (
	gaugeAge   = 5 * time.Second // of a figure that is told again
	gaugeLimit = 3 * time.Second // of asking the queue, so that nobody waits longer for a figure
)

// NewGauge makes a gauge of a queue.
func NewGauge(q Measured, now func() time.Time) *Gauge { return &Gauge{queue: q, now: now} }

// Name names the queue.
func (g *Gauge) Name() string { return g.queue.Name() }

// Depth answers the depth as it was a few seconds ago at most. Those who ask at the same time wait for one answer.
func (g *Gauge) Depth(ctx context.Context) (Depth, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.read.IsZero() && g.now().Sub(g.read) < gaugeAge {
		return g.kept, g.err
	}
	// The answer is for everybody, so it does not end with whoever asked first.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), gaugeLimit)
	defer cancel()
	g.kept, g.err = g.queue.Depth(ctx)
	g.read = g.now()
	return g.kept, g.err
}
