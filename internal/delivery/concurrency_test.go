package delivery_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
)

// The stop cuts off deliveries, which frees their slots. Queued deliveries must not use these slots, even before they
// have noticed the stop.
func TestNothingIsSentInPlaceOfCutOffDeliveries(t *testing.T) {
	t.Parallel()
	url, requests := destination(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	stop, cutOff := context.WithCancel(t.Context())
	client := delivery.NewClient(stop, time.Now)
	t.Cleanup(client.Close)
	one := to(url)
	one.MaxConcurrent = 1
	var first deadletter.Attempt
	var all sync.WaitGroup
	all.Go(func() { first = client.Send(stop, one, request("first", nil)) })
	<-requests
	later := make([]deadletter.Attempt, 8)
	for i := range later {
		all.Go(func() { later[i] = client.Send(t.Context(), one, request("later", nil)) })
	}
	cutOff()
	all.Wait()
	if first.Outcome != deadletter.Unknown {
		t.Errorf("what was cut off is %+v", first)
	}
	for _, a := range later {
		if a.Outcome != deadletter.Unreachable {
			t.Errorf("what waited is %+v", a)
		}
	}
	if len(requests) != 0 {
		t.Errorf("%d more were sent", len(requests))
	}
}

// A delivery whose wait for a slot has expired is not sent, even if a slot is free by then. The slot goes to the next
// delivery.
func TestExpiredDeliveryLeavesItsSlotToOthers(t *testing.T) {
	t.Parallel()
	url, _ := destination(t, ok)
	client := setup(t)
	one := to(url)
	one.MaxConcurrent = 1
	ended, end := context.WithCancel(t.Context())
	end()
	for range 50 { // of some of which the place is seen before the end
		if a := client.Send(ended, one, request("late", nil)); !strings.HasPrefix(a.Error, "Not sent: ") {
			t.Fatalf("what waited for too long is %+v", a)
		}
	}
	if a := client.Send(t.Context(), one, request("x", nil)); a.Outcome != deadletter.Delivered {
		t.Errorf("the next is %+v", a)
	}
}
