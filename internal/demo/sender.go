package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Sender posts events to a receiver as platforms do.
type Sender struct {
	receiver string // URL
	client   *http.Client
	now      func() time.Time
	out      io.Writer
}

const (
	postLimit   = 20 * time.Second
	askLimit    = 2 * time.Second
	answerLimit = 64 << 10 // bytes
	startPoll   = 100 * time.Millisecond
	startLimit  = 30 * time.Second
)

// NewSender makes a sender that tells on out how it goes.
func NewSender(receiver string, now func() time.Time, out io.Writer) *Sender {
	return &Sender{receiver: receiver, client: &http.Client{Timeout: postLimit}, now: now, out: out}
}

// Await waits until the receiver takes webhooks.
func (s *Sender) Await(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	for !s.isUp(ctx) {
		if !pause(ctx, startPoll) {
			return fmt.Errorf("%s takes no webhooks: %w", s.receiver, ctx.Err())
		}
	}
	return nil
}

func (s *Sender) isUp(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.receiver+"/healthz", nil)
	if err != nil {
		return false
	}
	answer, err := s.client.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = answer.Body.Close() }()
	return answer.StatusCode == http.StatusOK
}

// Run posts events until ctx ends: the first ones quickly, so that there is something to look at, then one now and
// then. A platform whose webhook is refused sends on all the same; of consecutive refusals only the first is printed.
func (s *Sender) Run(ctx context.Context, first int, quick, slow time.Duration) {
	refused := false
	for n := 0; ctx.Err() == nil; n++ {
		_, err := s.Post(ctx, n)
		if err != nil && !refused && ctx.Err() == nil {
			fmt.Fprintf(s.out, "  %v\n", err)
		}
		refused = err != nil
		between := quick
		if n+1 >= first {
			between = slow
		}
		if n+1 == first {
			fmt.Fprintf(s.out, "  %d events are sent. From now on one comes every %s, until Ctrl-C.\n\n", first, slow)
		}
		pause(ctx, between)
	}
}

// Post posts the n-th event and returns the receiver's status code.
func (s *Sender) Post(ctx context.Context, n int) (status string, err error) {
	e, err := MakeEvent(n, s.now())
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(
		ctx, http.MethodPost, s.receiver+"/webhooks/"+e.Source, strings.NewReader(e.Body),
	)
	if err != nil {
		return "", fmt.Errorf("post event %d: %w", n, err)
	}
	req.Header = e.Header
	answer, err := s.client.Do(req)
	if err != nil {
		return "", fmt.Errorf("post event %d: %w", n, err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(answer.Body, answerLimit))
	if err != nil {
		return "", fmt.Errorf("post event %d: read the answer: %w", n, err)
	}
	var told struct {
		Status string `json:"status"`
	}
	if answer.StatusCode != http.StatusOK || json.Unmarshal(text, &told) != nil || told.Status == "" {
		return "", fmt.Errorf("post event %d: %s was answered %s", n, e.Kind, answer.Status)
	}
	return told.Status, nil
}

// pause waits and reports whether ctx is still alive.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
