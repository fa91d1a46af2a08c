package receiver_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/receiver"
)

// handler responds to each delivery with the given outcome.
type handler deadletter.Outcome

func (h handler) Send(context.Context, delivery.Destination, delivery.Request) deadletter.Attempt {
	return deadletter.Attempt{Outcome: deadletter.Outcome(h)}
}

// silent is a queue that confirms nothing, and says so when it is no longer waited for.
type silent struct{ receiver.Queue }

func (silent) Name() string         { return "silent" }
func (silent) System() string       { return "silent" }
func (silent) MaxMessageBytes() int { return 1 << 20 }

func (silent) Send(ctx context.Context, _ []queue.Outgoing) []error {
	<-ctx.Done()
	return []error{ctx.Err()}
}

// post sends a webhook to a source that takes bodies of so many bytes, by the test's own clock.
func post(t *testing.T, maxBody int64, to handler) *desktest.Deadlines {
	t.Helper()
	sources := []receiver.Source{{Name: "genesys", MaxBody: maxBody}}
	r := receiver.New(receiver.Deps{
		Sources: desktest.Always(sources),
		Sender:  to,
		DLQ:     silent{},
		Ledger:  &notes{},
		Now:     time.Now,
		Log:     desktest.Log(t),
	})
	c := desktest.NewDeadlines()
	r.Handler().
		ServeHTTP(
			c,
			httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/webhooks/genesys", strings.NewReader("{}")),
		)
	return c
}

// A platform has longer to send a body to a source with a larger limit. The delivery of a whole body has its own time.
func TestLargerBodiesMayTakeLonger(t *testing.T) {
	t.Parallel()
	for maxBody, want := range map[int64]time.Duration{
		1 << 10: 10 * time.Second, 1 << 20: 11 * time.Second, 64 << 20: 74 * time.Second,
	} {
		t.Run(fmt.Sprintf("%d bytes", maxBody), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := post(t, maxBody, handler(deadletter.Delivered)).List
				if len(got) != 2 || time.Until(got[0]) != want || !got[1].IsZero() {
					t.Errorf("up to %d bytes are waited for until %v, want %v", maxBody, got, want)
				}
			})
		})
	}
}

// The platform waits this long for a queue that does not respond. Then it gets an error, so that it sends again.
func TestUnconfirmedSendTimesOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begun := time.Now()
		got := post(t, limit, handler(deadletter.Unreachable))
		if took := time.Since(begun); got.Code != http.StatusInternalServerError || took != 10*time.Second {
			t.Errorf("after %v the platform was told %d", took, got.Code)
		}
	})
}

// A body of an announced size has a buffer of that size. One of a size that is not known, or is wrong, is read as well.
func TestBufferOfBody(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	for name, tc := range map[string]struct {
		size, announced int64
		want            error
	}{
		"empty":           {0, 0, nil},
		"empty, unknown":  {0, -1, nil},
		"small":           {10, 10, nil},
		"large":           {limit - 1, limit - 1, nil},
		"largest":         {limit, limit, nil},
		"unknown":         {limit, -1, nil},
		"more than said":  {limit, 1000, nil},
		"less than said":  {10, limit, nil},
		"over the limit":  {limit + 1, -1, receiver.ErrTooLarge},
		"far over, small": {2 * limit, 10, receiver.ErrTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := bytes.Repeat([]byte("x"), int(tc.size))
			body, err := receiver.ReadWithin(bytes.NewReader(sent), tc.announced, limit)
			if !errors.Is(err, tc.want) || err == nil && !bytes.Equal(body, sent) {
				t.Fatalf("%d bytes of %d, %v", len(body), tc.size, err)
			}
			if tc.size == tc.announced && cap(body) > len(body)+1 {
				t.Errorf("a buffer of %d bytes for %d", cap(body), len(body))
			}
		})
	}
}
