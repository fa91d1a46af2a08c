package store_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/desktest"
	"dlqdesk/internal/pressure"
)

// While webhooks fail faster than the machine can do everything, the search index has a turn every five seconds.
func TestSearchIndexYieldsToCaptures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := desktest.NewStore(t)
		gauge := pressure.New(desktest.Busy)
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.RunIndex(ctx, desktest.NoMasks, gauge) }()
		time.Sleep(time.Minute)
		desktest.Capture(gauge, 10*time.Second)
		for n, c := range []struct {
			id    string
			after time.Duration
			lag   int64
		}{{"a-1", time.Second, 0}, {"b-2", 3 * time.Second, 1}, {"", 3 * time.Second, 0}, {"c-3", time.Second, 1}} {
			if c.id != "" {
				desktest.Receive(t, s, desktest.Failure(c.id, 503, time.Now()))
			}
			desktest.Capture(gauge, c.after)
			if lag, err := s.Unindexed(t.Context()); err != nil || lag != c.lag {
				t.Errorf("step %d: the index lags %d events behind, want %d, %v", n, lag, c.lag, err)
			}
		}
		time.Sleep(time.Second)
		if lag, err := s.Unindexed(t.Context()); err != nil || lag != 0 {
			t.Errorf("afterwards the index lags %d events behind, %v", lag, err)
		}
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
