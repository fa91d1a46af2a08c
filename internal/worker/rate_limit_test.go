package worker_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/worker"
)

// A backlog keeps to the pace of its destination while webhooks want more of it than there is: its messages wait
// before their attempt begins, so that none is spent on waiting, and they have their share.
func TestBacklogKeepsTheReleaseRate(t *testing.T) {
	t.Parallel()
	const messages, perSecond = 12, 40
	paced := desktest.NewDestination(t)
	var mu sync.Mutex
	var arrived []time.Time
	paced.Set(func(http.ResponseWriter, *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		arrived = append(arrived, time.Now())
	})
	to := delivery.Destination{
		Source:        "slow",
		URL:           paced.URL,
		Timeout:       500 * time.Millisecond,
		MaxConcurrent: 64,
		RateLimit:     delivery.NewRateLimit(perSecond, time.Now),
	}
	b := setupWith(t, nil, worker.Source{Name: "slow", Destination: to, Retry: desktest.Policy(), Slots: 32})
	for i := range messages {
		c := desktest.Failure(fmt.Sprintf("s-%d", i), 503, b.clock.Now())
		c.Source = "slow"
		desktest.Receive(t, b.store, c)
	}
	client := delivery.NewClient(t.Context(), time.Now)
	t.Cleanup(client.Close)
	ctx, stopPlatforms := context.WithCancel(t.Context())
	began := time.Now() // before the first request is released, which may take a while to arrive
	var platforms sync.WaitGroup
	defer platforms.Wait()
	defer stopPlatforms()
	for range 40 {
		platforms.Go(func() {
			pace := time.NewTicker(20 * time.Millisecond)
			defer pace.Stop()
			for ctx.Err() == nil {
				client.Send(context.WithoutCancel(ctx), to, delivery.Request{Attempt: 1, WebhookID: "live"})
				<-pace.C
			}
		})
	}
	b.clock.Add(time.Minute)
	started := time.Now()
	b.run(t)
	for i := range messages {
		id := deadletter.ID(fmt.Sprintf("s-%d", i))
		b.becomes(t, id, deadletter.Resolved)
		if got := b.attempts(t, id); len(got) != 2 {
			t.Errorf("message %s had %d attempts", id, len(got))
		}
	}
	took := time.Since(started)
	mu.Lock()
	defer mu.Unlock()
	if most := int(time.Since(began).Seconds()*perSecond) + 1; len(arrived) > most || len(arrived) < messages+10 {
		t.Errorf("%d requests came in %v, at most %d may", len(arrived), took, most)
	}
}
