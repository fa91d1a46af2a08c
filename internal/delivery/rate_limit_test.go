package delivery_test

import (
	"context"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
)

func TestNoRateLimit(t *testing.T) {
	t.Parallel()
	p := delivery.NewRateLimit(0, time.Now)
	if n, again := p.Available(); n < 1<<30 || again != 0 || p.Reserve() != 0 {
		t.Errorf("available are %d, again in %v", n, again)
	}
}

func TestSlotsAreReservedEvenlyAndNotFarAhead(t *testing.T) {
	t.Parallel()
	clock := desktest.NewClock()
	p := delivery.NewRateLimit(10, clock.Now)
	available := func(want int, again time.Duration) {
		t.Helper()
		if n, a := p.Available(); n != want || a != again {
			t.Errorf("available are %d, again in %v; want %d and %v", n, a, want, again)
		}
	}
	reserve := func(n int, first time.Duration) {
		t.Helper()
		for i := range n {
			if got, want := p.Reserve(), first+time.Duration(i)*100*time.Millisecond; got != want {
				t.Errorf("slot %d is in %v, want %v", i, got, want)
			}
		}
	}
	available(5, 0)
	reserve(5, 0)
	available(5, 0)
	reserve(5, 500*time.Millisecond)
	available(0, 400*time.Millisecond)
	clock.Add(400 * time.Millisecond)
	available(5, 0)
	clock.Add(time.Hour)
	available(5, 0)
	reserve(2, 0) // nothing was saved up
}

func TestSlowRateReservesOneSlotAtATime(t *testing.T) {
	t.Parallel()
	clock := desktest.NewClock()
	p := delivery.NewRateLimit(0.1, clock.Now)
	for _, want := range []time.Duration{0, 10 * time.Second} {
		if n, _ := p.Available(); n != 1 {
			t.Errorf("available are %d", n)
		}
		if got := p.Reserve(); got != want {
			t.Errorf("the slot is in %v, want %v", got, want)
		}
	}
	if n, again := p.Available(); n != 0 || again != 9500*time.Millisecond {
		t.Errorf("available are %d, again in %v", n, again)
	}
}

// A webhook whose slot comes too late is not sent. A delivery with a reserved slot needs no other.
func TestSendWaitsForItsSlot(t *testing.T) {
	t.Parallel()
	url, requests := destination(t, ok)
	client, there := setup(t), to(url)
	there.Timeout = time.Second
	there.RateLimit = delivery.NewRateLimit(8, time.Now)
	started := time.Now()
	for range 3 {
		if a := client.Send(context.Background(), there, request("x", nil)); a.Outcome != deadletter.Delivered {
			t.Fatalf("attempt %+v", a)
		}
	}
	if took := time.Since(started); took < 250*time.Millisecond {
		t.Errorf("three requests took %v at 8 a second", took)
	}
	there.RateLimit = delivery.NewRateLimit(0.5, time.Now)
	reserved := request("x", nil)
	reserved.Reserved = true
	for i, want := range []deadletter.Outcome{deadletter.Delivered, deadletter.Unreachable, deadletter.Delivered} {
		r := request("x", nil)
		if i == 2 {
			r = reserved
		}
		a := client.Send(context.Background(), there, r)
		if a.Outcome != want {
			t.Errorf("delivery %d: %+v", i, a)
		}
		const waited = "Not sent: genesys takes 0.5 requests a second, and more were waiting"
		if want == deadletter.Unreachable && (a.Error != waited || a.Latency >= there.Timeout) {
			t.Errorf("it says %q after %v", a.Error, a.Latency)
		}
	}
	ended, end := context.WithCancel(context.Background())
	end()
	reserved.SlotIn = time.Hour
	if a := client.Send(ended, there, reserved); a.Outcome != deadletter.Unreachable {
		t.Errorf("cut off before its slot it is %+v", a)
	}
	reserved.SlotIn = impatience / 5
	if a := client.Send(context.Background(), there, reserved); a.Outcome != deadletter.Delivered {
		t.Errorf("after its slot it is %+v", a)
	}
	if n := len(requests); n != 6 {
		t.Errorf("%d requests arrived", n)
	}
}
