package worker

import (
	"context"
	"reflect"
	"sync"

	"dlqdesk/internal/deadletter"
)

// sourceLoops are the loops that run, by source. A loop has the settings of its source for its whole life: other
// settings are another loop.
type sourceLoops struct {
	mu      sync.Mutex
	running map[string]*runningLoop
}

// runningLoop is a loop and the way to end it.
type runningLoop struct {
	*sourceLoop
	end  context.CancelFunc // no more is claimed; deliveries in flight finish
	done chan struct{}      // closed when the loop, and those of the source before it, have nothing in flight
}

// wake wakes every loop.
func (l *sourceLoops) wake() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, s := range l.running {
		s.wake()
	}
}

// equals reports whether two sources have the same settings. Parts with a state of their own are compared by identity.
func (s Source) equals(other Source) bool {
	a, b := s.Destination, other.Destination
	if s.Breaker != other.Breaker || a.RateLimit != b.RateLimit || a.TLS != b.TLS || a.Signer != b.Signer {
		return false
	}
	for _, s := range []*Source{&s, &other} {
		s.Breaker, s.Destination.RateLimit, s.Destination.TLS, s.Destination.Signer = nil, nil, nil, nil
	}
	return reflect.DeepEqual(s, other)
}

// source returns the source with the given name, as it is configured at the moment.
func (w *Worker) source(name string) (Source, bool) {
	for _, s := range w.sources() {
		if s.Name == name {
			return s, true
		}
	}
	return Source{}, false
}

// runSources runs a loop for each configured source until ctx ends. When a source is configured differently, its loop
// ends and another begins, without waiting for the deliveries in flight. Messages that wait for a source that is no
// longer configured fail, once none of its deliveries is in flight. An operator can replay them when the source is
// back.
func (w *Worker) runSources(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	removed := map[string]<-chan struct{}{} // until its loop is done
	for {
		w.startLoops(ctx, &running, removed)
		w.abandonRemoved(ctx, removed)
		select {
		case <-w.kicked:
		case <-ctx.Done():
			return
		}
	}
}

// startLoops ends the loops whose source is configured differently or no longer, and starts those that are missing.
// It adds the sources that are no longer configured to removed.
func (w *Worker) startLoops(ctx context.Context, running *sync.WaitGroup, removed map[string]<-chan struct{}) {
	w.loops.mu.Lock()
	defer w.loops.mu.Unlock()
	if w.loops.running == nil {
		w.loops.running = map[string]*runningLoop{}
	}
	configured := map[string]bool{}
	for _, source := range w.sources() {
		configured[source.Name] = true
		before := w.loops.running[source.Name]
		if before != nil && before.source.equals(source) {
			continue
		}
		w.loops.running[source.Name] = w.startLoop(ctx, running, source, before)
		delete(removed, source.Name)
	}
	for name, loop := range w.loops.running {
		if !configured[name] {
			loop.end()
			delete(w.loops.running, name)
			removed[name] = loop.done
		}
	}
}

func (w *Worker) startLoop(
	ctx context.Context, running *sync.WaitGroup, source Source, before *runningLoop,
) *runningLoop {
	ctx, end := context.WithCancel(ctx)
	loop := &runningLoop{newSourceLoop(w, source), end, make(chan struct{})}
	if before != nil {
		before.end()
	}
	running.Go(func() {
		loop.run(ctx)
		if before != nil {
			<-before.done
		}
		close(loop.done)
		w.Kick() // if the source was removed, what waits for it can be abandoned now
	})
	return loop
}

// abandonRemoved fails what waits for removed sources of which nothing is in flight any more. It does so at every kick,
// because an order that was given just before the removal may come late.
func (w *Worker) abandonRemoved(ctx context.Context, removed map[string]<-chan struct{}) {
	for name, done := range removed {
		select {
		case <-done:
		default:
			continue
		}
		if err := w.abandonSource(ctx, name); err != nil && ctx.Err() == nil {
			w.log.ErrorContext(ctx, "messages of a removed source still wait; trying again", "source", name, "err", err)
		}
	}
}

// abandonSource fails the waiting messages of a source that is not configured.
func (w *Worker) abandonSource(ctx context.Context, name string) error {
	refusal := deadletter.Message{Source: name}.CheckDestination(false)
	configured := func() bool {
		_, ok := w.source(name)
		return ok
	}
	return w.abandon(ctx, refusal, configured, func() ([]deadletter.Message, error) { return w.waiting(ctx, name) })
}
