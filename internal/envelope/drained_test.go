package envelope_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
)

const sixFields = ` {"tenant" : "acme","messageId":"s-1","timestamp":"2026-03-02T10:15:05.000Z", ` +
	`"originalPayload":{"n":1},"originalHeaders":{"x-a":"1"},"errorReason":"no","retryCount":2} `

const sourceARN = "DeadLetterQueueSourceArn" // words:ok, the name that AWS gave it

// fromOrders are messages of a listed queue, one of each form.
func fromOrders(t *testing.T) map[string]envelope.Raw {
	t.Helper()
	ours, err := envelope.Encode(capture([]byte("\t{\"n\":1}")))
	if err != nil {
		t.Fatal(err)
	}
	list := map[string]envelope.Raw{}
	for name, body := range map[string]string{
		"foreign": "\t{\"n\": 1}\n", "six fields": sixFields,
		"ours": string(ours),
	} {
		list[name] = envelope.Raw{
			Queue:           "orders-dlq",
			ConfigName:      "orders",
			MessageID:       "m-1",
			Body:            []byte(body),
			SentAt:          at,
			ReceiveCount:    4,
			GroupID:         "g",
			DeduplicationID: "theirs",
			Attributes: []deadletter.QueueAttribute{
				attribute("tenant", "acme"),
				{Name: "trace", Type: "Binary.raw", Binary: []byte{0, 1, 0xff}},
			},
			System: map[string]string{sourceARN: "arn:aws:sqs:eu-west-1:1:orders"},
		}
	}
	return list
}

func received(m envelope.Raw) (deadletter.Message, deadletter.Revision) {
	change := deadletter.NewMessage(envelope.Decode(m, at), deadletter.RetryPolicy{}, 0, at)
	return change.After, *change.Revision
}

// moved drains a message and reads it as another dlqdesk would, from the queue of that name.
func moved(
	t *testing.T, l deadletter.Message, original, latest deadletter.Revision, from string,
) (deadletter.Message, deadletter.Revision) {
	t.Helper()
	c, err := envelope.Drained(l, original, latest, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := envelope.EncodeWithin(c, 1<<18)
	if err != nil {
		t.Fatal(err)
	}
	return received(envelope.Raw{Queue: "moving", ConfigName: from, MessageID: "m-9", Body: text, SentAt: at})
}

// Another dlqdesk redrives a drained message with the same body, attributes and group as this one would.
func TestDrainedMessageIsRedrivenAsTheOriginal(t *testing.T) {
	t.Parallel()
	for name, raw := range fromOrders(t) {
		for _, from := range []string{"", "orders"} {
			t.Run(fmt.Sprintf("%s from %q", name, from), func(t *testing.T) {
				l, original := received(raw)
				edit := original
				edit.Number, edit.Body = 1, []byte(`{"n": 2}`)
				for _, latest := range []deadletter.Revision{original, edit} {
					l.Attempts = 3
					want, err := envelope.Redrive(l, original, latest, 4, 1<<20)
					if err != nil {
						t.Fatal(err)
					}
					there, body := moved(t, l, original, latest, from)
					got, err := envelope.Redrive(there, body, body, 1, 1<<20)
					if err != nil || !reflect.DeepEqual(got, want) {
						t.Errorf("%s, revision %d, from %q: goes back as\n%+v, not\n%+v (%v)", name, latest.Number,
							from, got, want, err)
					}
					if there.ID != l.ID || there.Queue.ConfigName != "orders" || !there.Queue.Drained ||
						there.Queue.SourceARN != l.Queue.SourceARN ||
						there.Status != deadletter.Failed ||
						string(body.Body) != string(latest.Body) ||
						there.Reason != l.Reason ||
						!there.ReceivedAt.Equal(l.ReceivedAt) {
						t.Errorf("%s, revision %d, from %q: it is %+v with %q", name, latest.Number, from, there,
							body.Body)
					}
				}
			})
		}
	}
}

// A sender to one listed queue has no say about another, and a webhook's envelope makes no message of any
// queue.
func TestDrainedMessageOfAnotherQueueIsForeign(t *testing.T) {
	t.Parallel()
	l, original := received(fromOrders(t)["foreign"])
	if there, _ := moved(
		t, l, original, original, "payments",
	); there.Queue.ConfigName != "payments" || there.Queue.Drained || there.Queue.SourceARN != "" {
		t.Errorf("on another queue it is %+v", there.Queue)
	}
	l.Queue.ConfigName = ""
	if there, _ := moved(t, l, original, original, ""); there.Queue.ConfigName != "" || there.Queue.Drained {
		t.Errorf("a webhook is %+v", there.Queue)
	}
}

// An edit changes the payload of another program's envelope, and nothing beside it.
func TestEditedEnvelopeKeepsTheFieldsOfItsProgram(t *testing.T) {
	t.Parallel()
	l, original := received(fromOrders(t)["six fields"])
	for name, c := range map[string]struct{ body, headers, want string }{
		"JSON":    {`{"n":2}`, "", strings.Replace(sixFields, `{"n":1}`, `{"n":2}`, 1)},
		"text":    {`no "JSON"`, "", strings.Replace(sixFields, `{"n":1}`, `"no \"JSON\""`, 1)},
		"headers": {`{"n":1}`, "2", strings.Replace(sixFields, `{"x-a":"1"}`, `{"x-a":"2"}`, 1)},
	} {
		t.Run(name, func(t *testing.T) {
			r := original
			r.Number, r.Body = 1, []byte(c.body)
			if c.headers != "" {
				r.Headers = deadletter.Headers{"X-A": {c.headers}}
			}
			m, err := envelope.Redrive(l, original, r, 1, 1<<20)
			compact := strings.NewReplacer(`" : "`, `":"`, `, "`, `,"`).Replace(strings.TrimSpace(c.want))
			if err != nil || string(m.Body) != compact {
				t.Errorf("%s: it goes back as\n%s, not\n%s (%v)", name, m.Body, compact, err)
			}
			back, body := received(sentAgain(m))
			if string(body.Body) != c.body || back.ID != l.ID ||
				!reflect.DeepEqual(back.Queue.Attributes, l.Queue.Attributes) {
				t.Errorf("%s: it comes back as %+v with %q", name, back.Queue, body.Body)
			}
		})
	}
	binary := original
	binary.Number, binary.Body = 1, []byte{0xff, 0}
	m, err := envelope.Redrive(l, original, binary, 1, 1<<20)
	if _, body := received(sentAgain(m)); err != nil || string(body.Body) != "\xff\x00" ||
		!strings.Contains(string(m.Body), `"tenant":"acme"`) {
		t.Errorf("bytes come back as %q of %s, %v", body.Body, m.Body, err)
	}
}
