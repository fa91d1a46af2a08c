package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// sender posts events to a receiver as a platform would.
type sender struct {
	receiver string // URL
	client   *http.Client
	now      func() time.Time
}

const (
	postLimit = 20 * time.Second
	startPoll = 100 * time.Millisecond
	startTime = 30 * time.Second
)

func newSender(receiver string, now func() time.Time) *sender {
	return &sender{receiver: receiver, client: &http.Client{Timeout: postLimit}, now: now}
}

// awaitReceiver waits until the receiver takes webhooks.
func (s *sender) awaitReceiver(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(startPoll)
	defer tick.Stop()
	for {
		if req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.receiver+"/healthz", nil); err != nil {
			return fmt.Errorf("ask the receiver: %w", err)
		} else if answer, err := s.client.Do(req); err == nil {
			_ = answer.Body.Close()
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.New("the receiver did not come up within 30 s: its own messages say why")
		case <-tick.C:
		}
	}
}

// run posts events: the first ones quickly, so that there is something to look at, and then one now and then until ctx ends.
func (s *sender) run(ctx context.Context, first int, quick, slow time.Duration) {
	for n := 0; ctx.Err() == nil; n++ {
		// A platform whose webhook is refused sends on all the same.
		_ = s.post(ctx, n)
		pause := quick
		if n >= first {
			pause = slow
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
}

func (s *sender) post(ctx context.Context, n int) error {
	e, err := makeEvent(n, s.now())
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.receiver+"/webhooks/"+e.source, strings.NewReader(e.body))
	if err != nil {
		return fmt.Errorf("post event %d: %w", n, err)
	}
	req.Header.Set("Content-Type", "application/json; charset=utf-8")
	req.Header.Set("Authorization", "Bearer demo-"+e.source+"-token")
	req.Header.Set("X-Correlation-Id", fmt.Sprintf("demo-%06d", n))
	req.Header.Set("User-Agent", map[string]string{"genesys": "GenesysCloud-OpenMessaging/1.0", "cxone": "NICE-CXone-Digital/2.4"}[e.source])
	if e.webhookID != "" {
		req.Header.Set("Webhook-Id", e.webhookID)
	}
	answer, err := s.client.Do(req)
	if err != nil {
		return fmt.Errorf("post event %d: %w", n, err)
	}
	defer func() { _ = answer.Body.Close() }()
	_, err = io.Copy(io.Discard, answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("post event %d: answered %d", n, answer.StatusCode)
	}
	return err
}
