package deadletter_test

import (
	"fmt"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
)

func TestMessageCoversEqualContentOnly(t *testing.T) {
	t.Parallel()
	type capture = deadletter.Capture
	original := deadletter.Revision{Body: []byte("one")}
	at := deadletter.QueueFacts{Queue: "dlq", MessageID: "m-1"}
	drained := at
	drained.Drained = true
	for name, c := range map[string]struct {
		capture capture
		want    bool
	}{
		"same message":                    {capture{ID: "a-1", Body: []byte("one")}, true},
		"same bytes":                      {capture{ID: "b-2", Body: []byte("one")}, true},
		"whole queue message":             {capture{ID: "a-1", Body: []byte("n"), QueueMessage: []byte("one")}, true},
		"same queue message, read anew":   {capture{ID: "a-1", Body: []byte("two"), Queue: at}, true},
		"other bytes of the message id":   {capture{ID: "a-1", Body: []byte("two")}, false},
		"other bytes of the webhook id":   {capture{ID: "b-2", Body: []byte("two")}, false},
		"other query":                     {capture{ID: "b-2", Body: []byte("one"), Query: "account=2"}, false},
		"other method":                    {capture{ID: "b-2", Body: []byte("one"), Method: "PUT"}, false},
		"an envelope claims its queue id": {capture{ID: "a-1", Body: []byte("two"), Queue: drained}, false},
	} {
		for _, status := range deadletter.Statuses() {
			t.Run(name+", "+string(status), func(t *testing.T) {
				m := deadletter.Message{ID: "a-1", Status: status, Queue: at}
				if got := m.Covers(c.capture, original, time.Hour); got != c.want {
					t.Errorf("it is the same message: %t", got)
				}
			})
		}
	}
}

func TestMessageCoversCapturesWithinTheWindow(t *testing.T) {
	t.Parallel()
	l := deadletter.Message{ID: "a-1", Status: deadletter.Failed, ReceivedAt: now}
	for _, c := range []struct {
		id            deadletter.ID
		after, window time.Duration
		want          bool
	}{
		{"b-2", 0, time.Hour, true},
		{"b-2", time.Hour, time.Hour, true},
		{"b-2", -time.Hour, time.Hour, true},
		{"b-2", time.Hour + 1, time.Hour, false},
		{"b-2", -time.Hour - 1, time.Hour, false},
		{"b-2", 0, 0, false},
		{"a-1", 100 * time.Hour, 0, true},
	} {
		t.Run(fmt.Sprintf("%s after %s within %s", c.id, c.after, c.window), func(t *testing.T) {
			if got := l.Covers(
				deadletter.Capture{ID: c.id, ReceivedAt: now.Add(c.after)}, deadletter.Revision{}, c.window,
			); got != c.want {
				t.Errorf("%s after %s within %s: %t", c.id, c.after, c.window, got)
			}
		})
	}
}

func TestDeliveriesOfASharedIDAreToldApart(t *testing.T) {
	t.Parallel()
	first := deadletter.NewMessage(
		deadletter.Capture{ID: "a-1", WebhookID: "evt-1", Body: []byte("one")},
		retry,
		0,
		now,
	)
	for name, c := range map[string]struct {
		body   string
		signed bool
		want   string
	}{
		"other content":            {"two", false, "b-2"},
		"other content, signed":    {"two", true, "evt-1"},
		"same content, much later": {"one", false, "evt-1"},
	} {
		t.Run(name, func(t *testing.T) {
			add := deadletter.NewMessage(
				deadletter.Capture{ID: "b-2", WebhookID: "evt-1", Body: []byte(c.body)}, retry, 0, now,
			)
			add = add.Beside(first.After, *first.Revision, *add.Revision, c.signed)
			if got := add.After.DeliveredWebhookID(); got != c.want || add.After.WebhookID != "evt-1" {
				t.Errorf("delivered as %q", got)
			}
			if add.Supersedes.ID != "a-1" || (add.Supersedes.Digest == add.Digest) != (c.body == "one") {
				t.Errorf("it takes over as %+v, %s", add.Supersedes, add.Digest)
			}
		})
	}
}

func TestOtherIDDependsOnIDAndContentAlone(t *testing.T) {
	t.Parallel()
	other := func(id deadletter.ID, body string) deadletter.Capture {
		c := deadletter.Capture{
			ID:         id,
			ReceivedAt: now,
			Body:       []byte(body),
			Headers:    deadletter.Headers{"Date": {body}},
		}
		c.TakeOtherID()
		return c
	}
	a := other("m-1", "one")
	if a.ID != other("m-1", "one").ID || a.ID == other("m-1", "two").ID || a.ID == other("m-2", "one").ID {
		t.Errorf("ids are not told apart: %s", a.ID)
	}
	if a.WebhookID != "m-1" || a.Queue.ProducerID != "m-1" {
		t.Errorf("what its sender claimed is gone: %+v", a)
	}
}
