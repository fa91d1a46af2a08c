package receiver_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/receiver"
)

// notes remember what a receiver had taken down.
type notes struct {
	mu    sync.Mutex
	fates []deadletter.Fate
	sum   deadletter.Receipts
}

func (n *notes) Name() string             { return "run-1" }
func (*notes) Save(context.Context) error { return nil }
func (*notes) Number(*deadletter.Capture) {}

func (n *notes) Answered(_ string, fate deadletter.Fate) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fates = append(n.fates, fate)
}

func (n *notes) Book(_ deadletter.Capture, r deadletter.Receipts) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sum = n.sum.Add(r)
}

func TestEveryAnswerIsInTheBooks(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, body string
		handler    int
		full       bool
		fate       deadletter.Fate
		sum        deadletter.Receipts
	}{
		"delivered": {"genesys", "{}", 204, false, deadletter.FateDelivered, deadletter.Receipts{Received: 1, Delivered: 1}},
		"kept":      {"genesys", "{}", 503, false, deadletter.FateKept, deadletter.Receipts{Received: 1, Kept: 1}},
		"buffered":  {"later", "{}", 204, false, deadletter.FateBuffered, deadletter.Receipts{Received: 1}},
		"refused":   {"genesys", "{}", 503, true, deadletter.FateRefused, deadletter.Receipts{Refused: 1}},
		"too large": {"genesys", strings.Repeat("x", limit+1), 204, false, deadletter.FateTooLarge, deadletter.Receipts{}},
		"unknown":   {"nobody", "{}", 204, false, deadletter.FateUnknownSource, deadletter.Receipts{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &notes{}
			b := setupWith(t, c.full, n)
			b.destination.Set(desktest.Answer(c.handler, ""))
			b.send(t, "POST", "/webhooks/"+c.path, strings.NewReader(c.body))
			if len(n.fates) != 1 || n.fates[0] != c.fate || n.sum != c.sum {
				t.Errorf("taken down %v %+v", n.fates, n.sum)
			}
		})
	}
}

// A webhook that was delivered, and whose message could not be deleted, is not delivered once more.
func TestWebhookThatStaysOnItsQueueIsDeliveredOnce(t *testing.T) {
	t.Parallel()
	n := &notes{}
	b := setupWith(t, false, n)
	b.destination.Set(desktest.Answer(http.StatusNoContent, ""))
	q := &desktest.Clinging{Embedded: b.processing, Clings: true}
	p := receiver.NewProcessor(b.receiver, q)
	b.send(t, "POST", "/webhooks/later", strings.NewReader(`{}`))
	if err := p.Once(t.Context(), 0); err == nil {
		t.Error("a message that could not be deleted is no error")
	}
	q.Clings = false
	if err := p.Once(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if sent := len(b.destination.Received()); sent != 1 || n.sum.Delivered != 1 {
		t.Errorf("%d deliveries, %d in the books", sent, n.sum.Delivered)
	}
	if d, err := b.processing.Depth(t.Context()); err != nil || d.Total() != 0 {
		t.Errorf("the processing queue holds %+v, %v", d, err)
	}
}
