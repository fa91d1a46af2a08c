package server

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Lifecycle runs the loops of a program and stops its parts, the last one started first. Deliveries are cut off shortly
// before the time to stop ends. Example: with 30 s to stop, a delivery that takes longer than 25 s is cancelled, and
// 5 s are left to record its outcome.
type Lifecycle struct {
	stops      []stopStep
	failed     chan error
	loops      context.Context // of every loop
	endLoops   context.CancelFunc
	deliveries context.Context
	cutOff     context.CancelFunc
}

type stopStep struct {
	name string
	do   func(ctx context.Context) error
}

// NewLifecycle returns a lifecycle in which nothing runs yet.
func NewLifecycle() *Lifecycle {
	l := &Lifecycle{failed: make(chan error, 1)}
	l.loops, l.endLoops = context.WithCancel(context.Background())
	l.deliveries, l.cutOff = context.WithCancel(context.Background())
	return l
}

// Loops returns the context of every loop. It ends when Stop begins.
func (l *Lifecycle) Loops() context.Context { return l.loops }

// Deliveries returns a context that ends when deliveries in flight are cut off.
func (l *Lifecycle) Deliveries() context.Context { return l.deliveries }

// OnStop adds a step to Stop. The step that was added last comes first.
func (l *Lifecycle) OnStop(name string, do func(ctx context.Context) error) {
	l.stops = append(l.stops, stopStep{name, do})
}

// Run starts a loop that ends with its context, and makes Stop wait for it. An error of the loop fails the program.
func (l *Lifecycle) Run(name string, loop func(ctx context.Context) error) {
	ctx, cancel := context.WithCancel(l.loops)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := loop(ctx); err != nil && ctx.Err() == nil {
			l.Fail(fmt.Errorf("%s: %w", name, err))
		}
	}()
	l.OnStop(name, func(ctx context.Context) error {
		cancel()
		select {
		case <-done:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("%s is still at work: %w", name, ctx.Err())
		}
	})
}

// Fail reports that the program cannot go on.
func (l *Lifecycle) Fail(err error) {
	select {
	case l.failed <- err:
	default:
	}
}

// Failed returns a channel with the error after which the program cannot go on.
func (l *Lifecycle) Failed() <-chan error { return l.failed }

// Stop ends the loops, lets deliveries in flight finish within ctx, and runs all steps.
func (l *Lifecycle) Stop(ctx context.Context) error {
	defer l.cutOffBefore(ctx)()
	l.endLoops()
	var errs []error
	for _, s := range slices.Backward(l.stops) {
		if err := s.do(ctx); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", s.name, err))
		}
	}
	l.stops = nil
	return errors.Join(errs...)
}

// recordTime is how much of the time to stop is reserved for recording the outcomes of deliveries that are cut off: a
// third at most.
const recordTime = 5 * time.Second

// cutOffBefore cuts off deliveries in flight shortly before ctx ends, and at the latest when the caller calls stop.
func (l *Lifecycle) cutOffBefore(ctx context.Context) (stop func()) {
	deadline, ok := ctx.Deadline()
	if !ok {
		return l.cutOff
	}
	remaining := time.Until(deadline)
	timer := time.AfterFunc(remaining-min(recordTime, remaining/3), l.cutOff)
	return func() {
		timer.Stop()
		l.cutOff()
	}
}
