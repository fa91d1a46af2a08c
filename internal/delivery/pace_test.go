package delivery_test

import (
	"context"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
)

func TestNoPaceIsNoLimit(t *testing.T) {
	t.Parallel()
	p := delivery.NewPace(0, time.Now)
	if n, again := p.Room(); n < 1<<30 || again != 0 || p.Book() != 0 {
		t.Errorf("room for %d, again in %v", n, again)
	}
}

// Turns follow each other evenly, and a backlog books a second of them ahead at most.
func TestTurnsAreBookedEvenlyAndNotFarAhead(t *testing.T) {
	t.Parallel()
	clock := desktest.NewClock()
	p := delivery.NewPace(10, clock.Now)
	room := func(want int, again time.Duration) {
		t.Helper()
		if n, a := p.Room(); n != want || a != again {
			t.Errorf("room for %d, again in %v; want %d and %v", n, a, want, again)
		}
	}
	book := func(n int, first time.Duration) {
		t.Helper()
		for i := range n {
			if got, want := p.Book(), first+time.Duration(i)*100*time.Millisecond; got != want {
				t.Errorf("turn %d is in %v, want %v", i, got, want)
			}
		}
	}
	room(5, 0)
	book(5, 0)
	room(5, 0)
	book(5, 500*time.Millisecond)
	room(0, 400*time.Millisecond)
	clock.Add(400 * time.Millisecond)
	room(5, 0)
	clock.Add(time.Hour)
	room(5, 0)
	book(2, 0) // nothing was saved up
}

func TestSlowPaceBooksOneAtATime(t *testing.T) {
	t.Parallel()
	clock := desktest.NewClock()
	p := delivery.NewPace(0.1, clock.Now)
	for _, want := range []time.Duration{0, 10 * time.Second} {
		if n, _ := p.Room(); n != 1 {
			t.Errorf("room for %d", n)
		}
		if got := p.Book(); got != want {
			t.Errorf("the turn is in %v, want %v", got, want)
		}
	}
	if n, again := p.Room(); n != 0 || again != 9500*time.Millisecond {
		t.Errorf("room for %d, again in %v", n, again)
	}
}

// A webhook whose turn comes too late is not sent; what was booked needs no turn.
func TestSendWaitsForItsTurn(t *testing.T) {
	t.Parallel()
	url, requests := destination(t, ok)
	client, there := setup(t), to(url)
	there.Timeout = time.Second
	there.Pace = delivery.NewPace(8, time.Now)
	started := time.Now()
	for range 3 {
		if a := client.Send(context.Background(), there, request("x", nil)); a.Outcome != deadletter.Delivered {
			t.Fatalf("attempt %+v", a)
		}
	}
	if took := time.Since(started); took < 250*time.Millisecond {
		t.Errorf("three requests took %v at 8 a second", took)
	}
	there.Pace = delivery.NewPace(0.5, time.Now)
	booked := request("x", nil)
	booked.Booked = true
	for i, want := range []deadletter.Outcome{deadletter.Delivered, deadletter.Unreachable, deadletter.Delivered} {
		r := request("x", nil)
		if i == 2 {
			r = booked
		}
		a := client.Send(context.Background(), there, r)
		if a.Outcome != want {
			t.Errorf("delivery %d: %+v", i, a)
		}
		if want == deadletter.Unreachable &&
			(a.Error != "Not sent: genesys takes 0.5 requests a second, and more were waiting" || a.Latency >= there.Timeout) {
			t.Errorf("it says %q after %v", a.Error, a.Latency)
		}
	}
	ended, end := context.WithCancel(context.Background())
	end()
	booked.Turn = time.Hour
	if a := client.Send(ended, there, booked); a.Outcome != deadletter.Unreachable {
		t.Errorf("cut off before its turn it is %+v", a)
	}
	booked.Turn = impatience / 5
	if a := client.Send(context.Background(), there, booked); a.Outcome != deadletter.Delivered {
		t.Errorf("after its turn it is %+v", a)
	}
	if n := len(requests); n != 6 {
		t.Errorf("%d requests arrived", n)
	}
}
