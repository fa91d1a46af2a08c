package envelope_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/envelope"
)

// sentAgain is what a message is when it comes to the DLQ once more.
func sentAgain(m envelope.Message) envelope.Raw {
	return envelope.Raw{
		ConfigName:      "orders",
		MessageID:       "m-2",
		Body:            m.Body,
		Attributes:      m.Attributes,
		GroupID:         m.GroupID,
		DeduplicationID: m.DeduplicationID,
	}
}

func attributesOf(n int) (list []deadletter.QueueAttribute) {
	for i := range n {
		list = append(list, attribute(fmt.Sprintf("a-%d", i), "x"))
	}
	return list
}

// A redriven message equals the original. When it comes back, an attribute names its message, or its digest does if
// there was no room for the attribute.
func TestRedrivenMessageEqualsTheOriginalAndIsRecognised(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		body       string
		attributes int
		limit      int
		marked     bool
	}{
		"foreign":          {"\t{\"n\": 1}\n", 3, 1 << 20, true},
		"nine attributes":  {"x", 9, 1 << 20, true},
		"ten attributes":   {"x", 10, 1 << 20, false},
		"no room in bytes": {"x", 1, 20, false},
		"the six fields": {
			` { "messageId": "s-1", "timestamp":"2026-03-02T10:15:05Z", "originalPayload" : {"n":1}, ` +
				`"errorReason":"no" } `,
			2, 1 << 20, true,
		},
		"the six fields, ten": {
			`{"messageId":"s-1","timestamp":"2026-03-02T10:15:05Z","originalPayload":1,"mine":2}`, 10, 1 << 20, false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			raw := envelope.Raw{
				ConfigName:      "orders",
				MessageID:       "m-1",
				Body:            []byte(c.body),
				Attributes:      attributesOf(c.attributes),
				GroupID:         "g",
				DeduplicationID: "theirs",
			}
			received := deadletter.NewMessage(envelope.Decode(raw, at), deadletter.RetryPolicy{}, 0, at)
			l, original := received.After, *received.Revision
			m, err := envelope.Redrive(l, original, original, 2, c.limit)
			if err != nil || string(m.Body) != c.body || m.GroupID != "g" || m.DeduplicationID == "theirs" ||
				(m.Digest == "") != c.marked {
				t.Errorf("%s: %+v, %v", name, m, err)
			}
			if !reflect.DeepEqual(m.Attributes[:c.attributes], raw.Attributes) || len(m.Attributes) > 10 ||
				(len(m.Attributes) > c.attributes) != c.marked {
				t.Errorf("%s: attributes %+v", name, m.Attributes)
			}
			back := sentAgain(m)
			if !c.marked {
				back.DeduplicationID = "" // as on a standard queue
			}
			again := envelope.Decode(back, at)
			if c.marked && again.RedriveOf != l.ID || !c.marked && again.Digest != m.Digest {
				t.Errorf("%s: what comes back is known by %q or %q", name, again.RedriveOf, again.Digest)
			}
			if len(again.Queue.Attributes) != len(l.Queue.Attributes) || again.Queue.DeduplicationID != "" {
				t.Errorf("%s: ours stays in %+v", name, again.Queue)
			}
		})
	}
}

func TestEditedEnvelopeStaysAnEnvelope(t *testing.T) {
	t.Parallel()
	raw := envelope.Raw{
		ConfigName: "orders",
		MessageID:  "m-1",
		Body: []byte(
			`{"messageId":"s-1","timestamp":"2026-03-02T10:15:05Z","originalPayload":1,"originalHeaders":{},` +
				`"errorReason":"no","retryCount":2}`,
		),
	}
	received := deadletter.NewMessage(envelope.Decode(raw, at), deadletter.RetryPolicy{}, 0, at)
	m, err := envelope.Redrive(
		received.After, *received.Revision, deadletter.Revision{Number: 1, Body: []byte(`{"n":2}`)}, 3, 1<<20,
	)
	if err != nil {
		t.Fatal(err)
	}
	again := envelope.Decode(sentAgain(m), at)
	if string(again.Body) != `{"n":2}` || again.ID != "s-1" || again.RetryCount != 2 || again.Reason != "no" {
		t.Errorf("%s reads as %+v", m.Body, again)
	}
}

func TestDeduplicationIDsAreOursAndShort(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"a", "a.b.c", strings.Repeat("x", 128)} {
		t.Run(fmt.Sprintf("%.10s", id), func(t *testing.T) {
			l := deadletter.Message{ID: deadletter.ID(id)}
			one, _ := envelope.Redrive(l, deadletter.Revision{}, deadletter.Revision{}, 1, 0)
			two, _ := envelope.Redrive(l, deadletter.Revision{}, deadletter.Revision{}, 2, 0)
			if one.DeduplicationID == two.DeduplicationID || len(one.DeduplicationID) > 128 {
				t.Errorf("%s has %q and %q", id, one.DeduplicationID, two.DeduplicationID)
			}
			if got := envelope.Decode(sentAgain(one), at).RedriveOf; len(id) < 100 && string(got) != id {
				t.Errorf("%s comes back as %q", id, got)
			}
		})
	}
}
