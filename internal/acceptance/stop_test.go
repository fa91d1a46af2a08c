package acceptance_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"dlqdesk/internal/app"
	"dlqdesk/internal/config"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/queue"
)

// waitFor waits until something holds, half a minute at most.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for limit := time.After(30 * time.Second); !holds(); {
		select {
		case <-look.C:
		case <-limit:
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// hurry stops a program that has little time.
func hurry(t *testing.T, a *app.App) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	if err := a.Stop(ctx); err != nil {
		t.Errorf("stop: %v", err)
	}
}

// A destination that hangs holds up no stop: a webhook in flight is kept, a replay is on record, and no lease stays.
func TestDeliveryBeyondTheGracePeriodIsCutOffAndStored(t *testing.T) {
	t.Parallel()
	d := desktest.NewDestination(t)
	cfg := settings(t, d)
	cfg.Sources[0].Timeout = time.Hour // however slow the machine is, the stop comes first
	a := app.New(cfg, app.Options{Log: desktest.Log(t)})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := program{a, cfg, d}
	d.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	status, told := p.post(t, `{}`, nil)
	replayed := kept(t, status, told)
	d.Await(t)
	client := p.signIn(t)
	p.await(t, client, "/messages", replayed)
	d.Set(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	p.submit(t, client, "/messages/"+replayed+"/replay", url.Values{"version": {"0"}, "revision": {"0"}})
	d.Await(t)
	answered := make(chan string, 1)
	go func() {
		status, told := p.post(t, `{}`, nil)
		answered <- kept(t, status, told)
	}()
	d.Await(t)
	hurry(t, a)
	inFlight := <-answered
	s := p.beside(t)
	l, err := s.Message(t.Context(), deadletter.ID(replayed))
	if err != nil || l.Lease.Token != "" || l.Status == deadletter.Replaying {
		t.Errorf("the message is %s under lease %q, %v", l.Status, l.Lease.Token, err)
	}
	attempts, err := s.Attempts(t.Context(), l.ID)
	if err != nil || len(attempts) != 2 || attempts[0].Outcome != deadletter.Unknown ||
		attempts[0].Error != "dlqdesk was stopped before the handler answered: it may have processed it" {
		t.Errorf("attempts %+v, %v", attempts, err)
	}
	again := program{begin(t, cfg), cfg, d}
	waitFor(t, "the message of the webhook in flight", func() bool {
		l, err := again.beside(t).Message(t.Context(), deadletter.ID(inFlight))
		return err == nil && l.Status == deadletter.Retrying
	})
}

// depth is how much is on an SQS queue.
type depth struct{ visible, inFlight int }

func onQueue(t *testing.T, endpoint, queueURL string) depth {
	t.Helper()
	q, err := queue.NewSQS(t.Context(), queueURL, "", desktest.AWS(endpoint))
	if err != nil {
		t.Fatal(err)
	}
	d, err := q.Depth(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return depth{d.Visible, d.InFlight}
}

// A message that was received and cannot be sent before the stop is visible to other processes at once. The
// environment leads to the SQS server, so the test cannot be parallel.
func TestUnsentWebhooksAreReleasedOnStop(t *testing.T) { //nolint:paralleltest // environment
	endpoint := desktest.StartSQS(t)
	desktest.UseSQS(t, endpoint)
	d := desktest.NewDestination(t)
	d.Set(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	cfg := settings(t, d)
	cfg.Queue.DLQURL = desktest.CreateQueue(t, endpoint, "dlq", nil)
	cfg.Queue.ProcessingURL = desktest.CreateQueue(
		t, endpoint, "processing", map[string]string{"VisibilityTimeout": "3600"},
	)
	cfg.Sources[0].Mode, cfg.Sources[0].MaxConcurrent, cfg.Sources[0].Timeout = config.Buffered, 1, 25*time.Second
	a := app.New(cfg, app.Options{Log: desktest.Log(t)})
	if err := a.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	p := program{a, cfg, d}
	// Fewer than there are receivers, so that some wait at SQS, which hands what is released to them while they go
	// away.
	const sent = 3
	for range sent {
		if status, told := p.post(t, `{}`, nil); status != http.StatusOK {
			t.Fatalf("the platform was told %d %s", status, told)
		}
	}
	d.Await(t)
	waitFor(
		t, "all to be received",
		func() bool { return onQueue(t, endpoint, cfg.Queue.ProcessingURL).inFlight == sent },
	)
	hurry(t, a)
	processing, messages := onQueue(t, endpoint, cfg.Queue.ProcessingURL), onQueue(t, endpoint, cfg.Queue.DLQURL)
	// The one that was sent is a message, because its handler may have processed it. The others wait for the next
	// start.
	if processing != (depth{visible: sent - 1}) || messages.visible+messages.inFlight != 1 {
		t.Errorf("the processing queue has %+v, the DLQ %+v", processing, messages)
	}
}
