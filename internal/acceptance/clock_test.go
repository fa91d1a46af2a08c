package acceptance_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// never is a breaker that takes no destination for down.
var never = config.Breaker{
	FailureRate:   1,
	Window:        time.Minute,
	MinDeliveries: 1 << 20,
	Probe:         time.Second,
	RampStart:     1 << 20,
}

// machine is a clock that can be set.
type machine struct {
	begun time.Time
	set   atomic.Int64
}

func (m *machine) read() (time.Time, time.Duration) {
	now := time.Now()
	return now.Round(0).Add(time.Duration(m.set.Load())), now.Sub(m.begun)
}

func TestClockSetBackAnHourDelaysNothing(t *testing.T) {
	t.Parallel()
	d := desktest.NewDestination(t)
	cfg := settings(t, d)
	cfg.Sources[0].Mode = config.Buffered
	cfg.Sources[0].Retry = deadletter.RetryPolicy{MaxAttempts: 100, Base: 500 * time.Millisecond, Cap: time.Second}
	cfg.Sources[0].Breaker = never
	clock := &machine{begun: time.Now()}
	a := app.New(cfg, app.Options{Log: desktest.Log(t), Clock: clock.read})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { end(t, a) })
	p := program{a, cfg, d}
	s := p.beside(t)
	var sent []string
	for n := range 6 {
		if n == 3 {
			clock.set.Store(-int64(time.Hour))
		}
		body := fmt.Sprintf(`{"n":%d}`, n)
		sent = append(sent, body)
		if status, told := p.post(t, body, nil); status != http.StatusOK {
			t.Fatalf("the platform was told %d %s", status, told)
		}
		waitFor(t, "a message for each webhook", func() bool { return count(t, s) == n+1 })
	}
	list, err := s.Messages(t.Context(), store.MessageQuery{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range slices.Backward(list.Items) {
		r, err := s.Revision(t.Context(), l.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, string(r.Body))
	}
	if !slices.Equal(got, sent) {
		t.Errorf("in the order of the list the messages are %s", strings.Join(got, " "))
	}
	d.Set(desktest.Answer(http.StatusOK, `{}`))
	waitFor(t, "every retry, those that were due before the step included", func() bool {
		n, err := s.Counts(t.Context(), store.Filter{})
		return err == nil && n.ByStatus[deadletter.Resolved] == len(sent)
	})
	if _, err := s.VerifyAudit(t.Context()); err != nil {
		t.Errorf("the audit trail: %v", err)
	}
}
