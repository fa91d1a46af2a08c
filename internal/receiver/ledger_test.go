package receiver_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/receiver"
	"dlqdesk/internal/telemetry"
)

// notes remember what a receiver had taken down.
type notes struct {
	mu      sync.Mutex
	answers []telemetry.Answer
	sum     ledger.Counts
	refused map[ledger.RefusalKey][]string
}

func (n *notes) RunID() string            { return "run-1" }
func (*notes) Save(context.Context) error { return nil }
func (*notes) Number(*deadletter.Capture) {}

func (n *notes) Refused(key ledger.RefusalKey, why string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.refused == nil {
		n.refused = map[ledger.RefusalKey][]string{}
	}
	n.refused[key] = append(n.refused[key], why)
}

func (n *notes) Answered(_ string, answer telemetry.Answer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answers = append(n.answers, answer)
}

func (n *notes) Record(_ deadletter.Capture, r ledger.Counts) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.sum = n.sum.Add(r)
}

func TestEveryResponseIsInTheLedger(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		path, body string
		handler    int
		full       bool
		answer     telemetry.Answer
		sum        ledger.Counts
	}{
		"delivered": {"genesys", "{}", 204, false, telemetry.AnswerDelivered, ledger.Counts{Received: 1, Delivered: 1}},
		"kept":      {"genesys", "{}", 503, false, telemetry.AnswerQueued, ledger.Counts{Received: 1, Queued: 1}},
		"buffered":  {"later", "{}", 204, false, telemetry.AnswerBuffered, ledger.Counts{Received: 1}},
		"refused":   {"genesys", "{}", 503, true, telemetry.AnswerRefused, ledger.Counts{Refused: 1}},
		"too large": {"genesys", strings.Repeat("x", limit+1), 204, false, telemetry.AnswerTooLarge, ledger.Counts{}},
		"unknown":   {"nobody", "{}", 204, false, telemetry.AnswerUnknownSource, ledger.Counts{}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &notes{}
			b := setupWith(t, c.full, n)
			b.destination.Set(desktest.Answer(c.handler, ""))
			b.send(t, "POST", "/webhooks/"+c.path, strings.NewReader(c.body))
			if len(n.answers) != 1 || n.answers[0] != c.answer || n.sum != c.sum {
				t.Errorf("taken down %v %+v", n.answers, n.sum)
			}
		})
	}
}

// A webhook that was delivered, and whose message could not be deleted, is not delivered once more.
func TestUndeletedBufferedWebhookIsDeliveredOnce(t *testing.T) {
	t.Parallel()
	n := &notes{}
	b := setupWith(t, false, n)
	b.destination.Set(desktest.Answer(http.StatusNoContent, ""))
	q := &desktest.UndeletableQueue{Embedded: b.processing, Failing: true}
	p := receiver.NewProcessor(b.receiver, q)
	b.send(t, "POST", "/webhooks/later", strings.NewReader(`{}`))
	if err := p.Once(t.Context(), 0); err == nil {
		t.Error("a message that could not be deleted is no error")
	}
	q.Failing = false
	if err := p.Once(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if sent := len(b.destination.Received()); sent != 1 || n.sum.Delivered != 1 {
		t.Errorf("%d deliveries, %d in the counts", sent, n.sum.Delivered)
	}
	if d, err := b.processing.Depth(t.Context()); err != nil || d.Total() != 0 {
		t.Errorf("the processing queue holds %+v, %v", d, err)
	}
}
