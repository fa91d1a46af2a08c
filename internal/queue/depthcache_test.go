package queue_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
)

// asked is a queue that counts requests for its depth, and fails on demand.
type asked struct {
	times int
	err   error
}

func (a *asked) Depth(ctx context.Context) (queue.Depth, error) {
	a.times++
	if _, bounded := ctx.Deadline(); !bounded || ctx.Err() != nil {
		return queue.Depth{}, errors.New("asked without a limit, or for somebody who is gone")
	}
	return queue.Depth{Visible: a.times}, a.err
}

func TestDepthIsCached(t *testing.T) {
	t.Parallel()
	clock, q := desktest.NewClock(), &asked{}
	g := queue.NewDepthCache(q.Depth, clock.Now)
	gone, leave := context.WithCancel(t.Context())
	leave()
	for i, step := range []struct {
		pause time.Duration
		want  int
	}{{0, 1}, {time.Second, 1}, {3 * time.Second, 1}, {time.Second, 2}, {time.Minute, 3}} {
		clock.Add(step.pause)
		if d, err := g.Depth(gone); d.Visible != step.want || err != nil {
			t.Errorf("%d: %+v, %v", i, d, err)
		}
	}
	q.err = errors.New("down")
	clock.Add(time.Minute)
	for range 2 {
		if _, err := g.Depth(t.Context()); !errors.Is(err, q.err) {
			t.Errorf("a queue that is down answers %v", err)
		}
	}
	if q.times != 4 {
		t.Errorf("a queue that is down was asked %d times more", q.times-3)
	}
	q.err = nil
	clock.Add(time.Minute)
	if d, err := g.Depth(t.Context()); d.Visible != 5 || err != nil {
		t.Errorf("a queue that is back answers %+v, %v", d, err)
	}
}
