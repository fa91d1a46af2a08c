package app_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
)

// hanging is a sender that takes a second for each delivery, and counts those that are made at once.
type hanging struct{ inFlight, most atomic.Int32 }

func (h *hanging) Send(ctx context.Context, _ delivery.Destination, _ delivery.Request) deadletter.Attempt {
	n := h.inFlight.Add(1)
	defer h.inFlight.Add(-1)
	for most := h.most.Load(); n > most && !h.most.CompareAndSwap(most, n); most = h.most.Load() {
	}
	select {
	case <-time.After(time.Second):
		return deadletter.Attempt{Outcome: deadletter.Delivered}
	case <-ctx.Done():
		return deadletter.Attempt{Outcome: deadletter.Unknown}
	}
}

func TestOneDeliveryOfAMessageIsMadeAtATime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		messages []deadletter.ID
		atOnce   int32
		takes    time.Duration
	}{
		"of one message":    {[]deadletter.ID{"a", "a", "a"}, 1, 3 * time.Second},
		"of other messages": {[]deadletter.ID{"a", "b", "c"}, 3, time.Second},
		"of one and others": {[]deadletter.ID{"a", "b", "a"}, 2, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				h := &hanging{}
				sender, _ := app.Sender(h)
				begun := time.Now()
				var all sync.WaitGroup
				for _, id := range c.messages {
					all.Go(func() {
						if a := sender.Send(
							t.Context(),
							delivery.Destination{},
							delivery.Request{Message: id},
						); a.Outcome != deadletter.Delivered {
							t.Errorf("it is %+v", a)
						}
					})
				}
				all.Wait()
				if took := time.Since(begun); h.most.Load() != c.atOnce || took != c.takes {
					t.Errorf("%d at once, in %v", h.most.Load(), took)
				}
			})
		})
	}
}

func TestDeliveriesAreCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sender, cutOff := app.Sender(&hanging{})
		outcomes := make(chan deadletter.Outcome, 2)
		for range 2 { // one is made, the other waits for its turn
			go func() {
				a := sender.Send(t.Context(), delivery.Destination{}, delivery.Request{Message: "a"})
				outcomes <- a.Outcome
			}()
		}
		synctest.Wait()
		cutOff()
		if one, other := <-outcomes, <-outcomes; one == other ||
			one != deadletter.Unknown && one != deadletter.Unreachable ||
			other != deadletter.Unknown && other != deadletter.Unreachable {
			t.Errorf("they are %s and %s", one, other)
		}
	})
}

// unreached is a sender that gets no connection for as long as it may try, and counts its deliveries.
type unreached struct{ sent atomic.Int32 }

func (u *unreached) Send(ctx context.Context, _ delivery.Destination, _ delivery.Request) deadletter.Attempt {
	u.sent.Add(1)
	<-ctx.Done()
	return deadletter.Attempt{Outcome: deadletter.Unreachable, Error: "No connection to 192.0.2.1"}
}

// What could not be sent because the program stops says so of us, and not of the destination. Nothing is begun any
// more.
func TestNothingIsSentOnceDeliveriesAreCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := &unreached{}
		sender, cutOff := app.Sender(u)
		time.AfterFunc(time.Second, cutOff)
		for n := range 100 {
			a := sender.Send(t.Context(), delivery.Destination{}, delivery.Request{Message: "a"})
			if a.Outcome != deadletter.Unreachable || a.Error != "Not sent: dlqdesk was stopped" || u.sent.Load() != 1 {
				t.Fatalf("delivery %d is %+v, and %d were begun", n, a, u.sent.Load())
			}
		}
	})
}

// Deliveries have all of the grace but what it takes to write down what became of them: five seconds, and never more
// than a third.
func TestGraceLeavesTimeForLastWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ grace, stops, cutOff time.Duration }{
		{30 * time.Second, time.Minute, 25 * time.Second},
		{3 * time.Second, time.Minute, 2 * time.Second},
		{30 * time.Second, 10 * time.Second, 10 * time.Second},
		{0, time.Minute, time.Minute}, // it has no end
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			if c.grace > 0 {
				limited, cancel := context.WithTimeout(ctx, c.grace)
				defer cancel()
				ctx = limited
			}
			begun := time.Now()
			deliveries, stop := app.CutOffInTime(ctx)
			defer time.AfterFunc(c.stops, stop).Stop()
			if <-deliveries.Done(); time.Since(begun) != c.cutOff {
				t.Errorf(
					"of a grace of %v and a stop that took %v deliveries had %v, want %v",
					c.grace,
					c.stops,
					time.Since(begun),
					c.cutOff,
				)
			}
		})
	}
}
