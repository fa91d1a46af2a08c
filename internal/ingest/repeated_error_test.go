package ingest_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/ingest"
	"dlqdesk/internal/queue"
)

// away is a queue that cannot be asked until some time.
type away struct {
	*queue.Embedded
	until time.Time
	asked func()
}

func (q away) Receive(ctx context.Context, _ int, wait time.Duration) ([]queue.Message, error) {
	if time.Now().Before(q.until) {
		q.asked()
		return nil, errors.New("connection refused")
	}
	select {
	case <-ctx.Done():
	case <-time.After(wait):
	}
	return nil, ctx.Err()
}

// An outage of the queue is logged once a minute, and its end once.
func TestQueueOutageDoesNotFillTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		q := away{
			queue.NewEmbedded(nil, "dlq", 1<<20, time.Now), time.Now().Add(3*time.Minute + 30*time.Second),
			func() {},
		}
		d := newDeps(q, nil, settings, time.Now)
		d.Log = slog.New(slog.NewTextHandler(&log, nil))
		i := ingest.New(d)
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		if err := i.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(log.String(), "cannot process the queue; trying again"); n != 4 {
			t.Errorf("it was told %d times:\n%s", n, &log)
		}
		if n := strings.Count(log.String(), "the queue can be processed again"); n != 1 ||
			!strings.Contains(log.String(), "connection refused") {
			t.Errorf("its end was told %d times:\n%s", n, &log)
		}
	})
}

// A queue that stays away is asked less and less often, and after that as soon as ever.
func TestQueueOutageIsPolledLessOften(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var asked []string
		begun := time.Now()
		q := away{
			queue.NewEmbedded(nil, "dlq", 1<<20, time.Now), begun.Add(20 * time.Second),
			func() { asked = append(asked, time.Since(begun).String()) },
		}
		i := ingest.New(newDeps(q, nil, settings, time.Now))
		ctx, stop := context.WithTimeout(t.Context(), time.Minute)
		defer stop()
		if err := i.Run(ctx); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(asked, " "); got != "0s 500ms 1.5s 3.5s 7.5s 12.5s 17.5s" {
			t.Errorf("it was asked after %s", got)
		}
	})
}
