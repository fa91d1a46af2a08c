package console_test

import (
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// wayBack is where messages of a queue go back to; "": nowhere, for that reason.
type wayBack struct{ to, why string }

func (w wayBack) To(deadletter.Message) (string, error) {
	if w.to == "" {
		return "", deadletter.Errorf(deadletter.Conflict, "%s", w.why)
	}
	return w.to, nil
}

func queueBundle(t *testing.T) bundle {
	t.Helper()
	b := setup(t, func(d *console.Deps) {
		d.DLQs = []string{"payments", "lambda"}
		withDesk(d, func(orders *desk.Deps) {
			orders.Origins = map[string]desk.Origin{
				"payments": wayBack{to: "https://sqs.eu-west-1.amazonaws.com/123456789012/payments.fifo"},
				"lambda":   wayBack{why: "it came from no queue"},
			}
		})
	})
	for id, from := range map[string]string{"p-1": "payments", "l-1": "lambda"} {
		b.receive(t, id, func(c *deadletter.Capture) {
			c.Source, c.Destination, c.Foreign, c.FirstAttempt = "", "", true, nil
			c.Reason = "Received too often from payments.fifo, so SQS moved it to the DLQ"
			c.Queue = deadletter.QueueFacts{
				ConfigName: from,
				Queue:      from + "-dlq",
				Form:       deadletter.FormForeign,
				Service:    "SQS",
				GroupID:    "customer-7",
				SourceARN:  "arn:aws:sqs:eu-west-1:1:payments.fifo",
			}
		})
	}
	return b
}

// The page of a message from a queue names the queue and offers the permitted actions.
func TestQueueMessageShowsItsOriginAndRedriveTarget(t *testing.T) {
	t.Parallel()
	p := queueBundle(t).member(t, "olga", deadletter.Operator)
	list := p.get("/messages")
	if got := list.says("tr[data-message=p-1] .col-source") + list.says(
		"tr[data-message=p-1] .col-attempts",
	); got != "queue paymentsnone" {
		t.Errorf("the row says %q", got)
	}
	message := p.get("/messages/p-1")
	if strip := message.says(".strip"); !strings.Contains(strip, "redrives to payments.fifo") {
		t.Errorf("the strip says %q", strip)
	}
	if actions := message.says(".message-actions"); !strings.Contains(actions, "Edit and redrive") ||
		strings.Contains(actions, "Edit and replay") {
		t.Errorf("offered are %q", actions)
	}
	ticket := message.doc().Find("#copy-ticket").Text()
	for _, want := range []string{
		"## Failed message of the queue `payments`: `Received too often",
		"- Came from: `arn:aws:sqs:eu-west-1:1:payments.fifo`\n", "- Group: `customer-7`\n",
	} {
		if !strings.Contains(ticket, want) {
			t.Errorf("the ticket lacks %q:\n%s", want, ticket)
		}
	}
	if strings.Contains(ticket, "Attempts") || message.count("#copy-curl") != 0 {
		t.Errorf("what nobody has is shown: attempts or curl")
	}
	lost := p.get("/messages/l-1")
	if strip := lost.says(".strip"); strings.Contains(strip, "redrives to") ||
		!strings.Contains(lost.says(".message-actions"), "It came from no queue") {
		t.Errorf("without a way back it says %q", strip)
	}
}

func TestEditedMessageGoesBackToItsQueue(t *testing.T) {
	t.Parallel()
	b := queueBundle(t)
	p := b.member(t, "olga", deadletter.Operator)
	form := p.get("/messages/p-1/edit")
	if form.says(".page-title") != "Edit and redrive" || form.count("#show-preview") != 0 {
		t.Errorf("the form is titled %q", form.says(".page-title"))
	}
	values := order(0, "revision", "0", "body", `{"n":2}`, "reason", "the amount was wrong", "then", "redrive")
	if got := p.post("/messages/p-1/edit", values); got.status != http.StatusSeeOther {
		t.Fatalf("it answers %d %s", got.status, got.text)
	}
	m, err := b.store.Message(t.Context(), "p-1")
	if err != nil || m.Status != deadletter.Replaying || m.Request.Trigger != deadletter.TriggerRedrive ||
		m.Request.Revision != 1 {
		t.Fatalf("the message is %+v, %v", m, err)
	}
	if r, err := b.store.Revision(t.Context(), "p-1", 1); err != nil || string(r.Body) != `{"n":2}` || r.By != "olga" {
		t.Errorf("its revision is %+v, %v", r, err)
	}
	if events := b.events(t); events[0].Action != "message.edit_redrive" || events[0].By != "olga" {
		t.Errorf("the audit trail says %+v", events[0])
	}
}

func TestRedriveJobNamesItsTargets(t *testing.T) {
	t.Parallel()
	b := queueBundle(t)
	p := b.member(t, "olga", deadletter.Operator)
	asked := p.post("/messages/bulk", form("action", "redrive", "item", "p-1@0"), htmx()...)
	if !strings.Contains(asked.says("#job-confirm"), "Each message goes back to its source queue") {
		t.Errorf("it asks %q", asked.says("#job-confirm"))
	}
	if got := asked.says(`[aria-label="Destinations"]`); got != "1 to payments" {
		t.Errorf("it names %q", got)
	}
	p.post("/jobs/1/start", form("rate", "4"))
	if facts := p.get("/jobs/1").says(".job-facts"); !strings.Contains(facts, "Pace4 a second at most") {
		t.Errorf("its page says %q", facts)
	}
}
