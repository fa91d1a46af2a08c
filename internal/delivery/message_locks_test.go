package delivery_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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

// exclusive returns a sender that wraps s, and what stops it.
func exclusive(t *testing.T, s delivery.Sender) (e *delivery.Exclusive, stop func()) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	t.Cleanup(stop)
	return delivery.NewExclusive(delivery.ExclusiveDeps{
		Sender: s, Stop: ctx, Observe: func(string, deadletter.Attempt) {}, Now: time.Now,
	}), stop
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
				sender, _ := exclusive(t, h)
				begun := time.Now()
				var all sync.WaitGroup
				for _, id := range c.messages {
					all.Go(func() {
						a := sender.Send(t.Context(), delivery.Destination{}, delivery.Request{Message: id})
						if a.Outcome != deadletter.Delivered {
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
		sender, cutOff := exclusive(t, &hanging{})
		outcomes := make(chan deadletter.Outcome, 2)
		for range 2 { // one is sent, the other waits for the message's lock
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

// A delivery that could not be sent because the program stops says so, and not that the destination failed.
func TestNothingIsSentOnceDeliveriesAreCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		u := &unreached{}
		sender, cutOff := exclusive(t, u)
		time.AfterFunc(time.Second, cutOff)
		for n := range 100 {
			a := sender.Send(t.Context(), delivery.Destination{}, delivery.Request{Message: "a"})
			if a.Outcome != deadletter.Unreachable || a.Error != "Not sent: dlqdesk was stopped" || u.sent.Load() != 1 {
				t.Fatalf("delivery %d is %+v, and %d were begun", n, a, u.sent.Load())
			}
		}
	})
}
