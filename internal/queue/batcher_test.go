package queue_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/queue"
)

// slow is a queue whose calls take a while. It notes when each was made and what was in it.
type slow struct {
	most  int // bytes of a message
	takes time.Duration
	begun time.Time

	mu    sync.Mutex
	calls []string
}

var errRefusedHere = errors.New("refused")

func (s *slow) Name() string         { return "slow" }
func (s *slow) MaxMessageBytes() int { return s.most }

// SendEach refuses what is asked to be refused, and returns later for what is late.
func (s *slow) SendEach(ctx context.Context, list []queue.Outgoing, settled func(i int, err error)) {
	s.mu.Lock()
	s.calls = append(s.calls, fmt.Sprintf("%d after %v", len(list), time.Since(s.begun)))
	s.mu.Unlock()
	var late []int
	select {
	case <-time.After(s.takes):
	case <-ctx.Done():
		for i := range list {
			settled(i, ctx.Err())
		}
		return
	}
	for i, o := range list {
		switch string(o.Body) {
		case "refuse":
			settled(i, errRefusedHere)
		case "late":
			late = append(late, i)
		default:
			settled(i, nil)
		}
	}
	time.Sleep(time.Duration(len(late)) * time.Second)
	for _, i := range late {
		settled(i, nil)
	}
}

// sendAll sends each body on its own, all at once, and returns what became of each and when.
func sendAll(ctx context.Context, b *queue.Batcher, bodies ...string) (errs []error, took []time.Duration) {
	errs, took = make([]error, len(bodies)), make([]time.Duration, len(bodies))
	begun := time.Now()
	var senders sync.WaitGroup
	for i, body := range bodies {
		senders.Go(func() {
			errs[i] = b.Send(ctx, []queue.Outgoing{{Body: []byte(body)}})[0]
			took[i] = time.Since(begun)
		})
	}
	senders.Wait()
	return errs, took
}

func batched(takes time.Duration, do func(t *testing.T, s *slow, b *queue.Batcher)) func(t *testing.T) {
	return func(t *testing.T) {
		t.Helper()
		s := &slow{most: 256 << 10, takes: takes, begun: time.Now()}
		b := queue.NewBatcher(s, 5*time.Second)
		defer b.Close()
		do(t, s, b)
	}
}

func TestLoneMessageIsSentImmediately(t *testing.T) {
	t.Parallel()
	synctest.Test(t, batched(10*time.Millisecond, func(t *testing.T, s *slow, b *queue.Batcher) {
		for range 2 {
			if errs, took := sendAll(t.Context(), b, "x"); errs[0] != nil || took[0] != 10*time.Millisecond {
				t.Errorf("it took %v, %v", took, errs)
			}
		}
	}))
}

func TestMessagesOfTheSameTimeShareCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, batched(10*time.Millisecond, func(t *testing.T, s *slow, b *queue.Batcher) {
		errs, took := sendAll(t.Context(), b, slices.Repeat([]string{"x"}, 26)...)
		if err := errors.Join(errs...); err != nil || slices.Max(took) > 14*time.Millisecond {
			t.Errorf("the slowest took %v, %v", slices.Max(took), err)
		}
		slices.Sort(s.calls)
		if got := strings.Join(s.calls, ", "); got != "1 after 0s, 10 after 0s, 10 after 0s, 5 after 4ms" {
			t.Errorf("calls %s", got)
		}
	}))
}

func TestIdleQueueSendsImmediately(t *testing.T) {
	t.Parallel()
	synctest.Test(t, batched(time.Millisecond, func(t *testing.T, s *slow, b *queue.Batcher) {
		if _, took := sendAll(t.Context(), b, "x", "x"); slices.Max(took) != 2*time.Millisecond {
			t.Errorf("the second took %v, want the two calls one after the other", slices.Max(took))
		}
	}))
}

// Senders whose call has ended usually send again at once, so the next call waits for them briefly. It stops waiting
// when they do not.
func TestBatchWaitsForSendersOfTheLastCall(t *testing.T) {
	t.Parallel()
	synctest.Test(t, batched(10*time.Millisecond, func(t *testing.T, s *slow, b *queue.Batcher) {
		sendAll(t.Context(), b, "x", "x", "x")
		s.calls = nil
		sendAll(t.Context(), b, "x", "x")
		if got := strings.Join(s.calls, ", "); got != "2 after 14ms" {
			t.Errorf("calls %s", got)
		}
		for _, want := range []time.Duration{14 * time.Millisecond, 10 * time.Millisecond} {
			if _, took := sendAll(t.Context(), b, "x"); took[0] != want {
				t.Errorf("who was left alone waited %v, want %v", took[0], want)
			}
		}
		sendAll(t.Context(), b, "x", "x", "x")
		time.Sleep(10 * time.Millisecond)
		if _, took := sendAll(t.Context(), b, "x"); took[0] != 10*time.Millisecond {
			t.Errorf("after a break it took %v", took[0])
		}
	}))
}

func TestEachMessageGetsItsOwnResult(t *testing.T) {
	t.Parallel()
	synctest.Test(t, batched(10*time.Millisecond, func(t *testing.T, s *slow, b *queue.Batcher) {
		errs, took := sendAll(t.Context(), b, "x", "x", "refuse", "late")
		if errs[0] != nil || errs[1] != nil || !errors.Is(errs[2], errRefusedHere) || errs[3] != nil {
			t.Errorf("answers %v", errs)
		}
		if slices.Max(took[:3]) > 14*time.Millisecond || took[3] < time.Second {
			t.Errorf("they took %v: what is tried again keeps the others waiting", took)
		}
	}))
}

func TestCallHasADeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, batched(time.Hour, func(t *testing.T, s *slow, b *queue.Batcher) {
		if errs, took := sendAll(t.Context(), b, "x"); !errors.Is(errs[0], context.DeadlineExceeded) ||
			took[0] != 5*time.Second {
			t.Errorf("after %v: %v", took, errs)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if errs, took := sendAll(ctx, b, "x"); !errors.Is(errs[0], context.DeadlineExceeded) || took[0] != time.Second {
			t.Errorf("a sender that gives up before waited %v: %v", took, errs)
		}
	}))
}

func TestCallStaysWithinTheQueuesBytes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, batched(10*time.Millisecond, func(t *testing.T, s *slow, b *queue.Batcher) {
		large := strings.Repeat("x", 100<<10)
		if errs, _ := sendAll(t.Context(), b, large, large, large, large, large); errors.Join(errs...) != nil {
			t.Error(errs)
		}
		slices.Sort(s.calls)
		if got := strings.Join(s.calls, ", "); got != "1 after 0s, 2 after 0s, 2 after 4ms" {
			t.Errorf("calls %s", got)
		}
	}))
}

// A queue with a lower limit for one message takes as much in one call as others.
func TestCallOfSmallMessagesIsNoSmaller(t *testing.T) {
	t.Parallel()
	synctest.Test(t, batched(10*time.Millisecond, func(t *testing.T, s *slow, b *queue.Batcher) {
		s.most = 1 << 10
		if errs, _ := sendAll(
			t.Context(),
			b,
			slices.Repeat([]string{strings.Repeat("x", s.most)}, 5)...); errors.Join(
			errs...) != nil {
			t.Error(errs)
		}
		slices.Sort(s.calls)
		if got := strings.Join(s.calls, ", "); got != "1 after 0s, 4 after 4ms" {
			t.Errorf("calls %s", got)
		}
	}))
}

func TestIdleBatcherLeavesNoGoroutine(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		left := queue.NewBatcher(&slow{}, time.Second)
		sendAll(t.Context(), left, "x")
		// of the test's own clock: who made the call has gone by itself then, or the test finds it at its end
		time.Sleep(time.Minute)
		closed := queue.NewBatcher(&slow{}, time.Second)
		sendAll(t.Context(), closed, "x")
		begun := time.Now()
		if closed.Close(); time.Since(begun) > 0 {
			t.Errorf("closing took %v", time.Since(begun))
		}
	})
}
