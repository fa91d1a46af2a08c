package ingest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/ingest"
	"dlqdesk/internal/payload"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/store"
)

// claim encodes a webhook with an id and a body in one of the ways in which a message can claim an id.
type claim func(t *testing.T, b bundle, receipt int, id, body string) string

func claims() map[string]claim {
	failure := func(b bundle, receipt int, body string) deadletter.Capture {
		c := desktest.Failure(fmt.Sprintf("receipt-%d", receipt), 503, b.clock.Now())
		c.Body = []byte(body)
		return c
	}
	return map[string]claim{
		"Webhook-Id": func(t *testing.T, b bundle, receipt int, id, body string) string {
			c := failure(b, receipt, body)
			c.WebhookID = id
			return encode(t, c)
		},
		"message id": func(t *testing.T, b bundle, _ int, id, body string) string {
			c := failure(b, 0, body)
			c.ID, c.WebhookID = deadletter.ID(id), ""
			return encode(t, c)
		},
		"another program's message id": func(_ *testing.T, _ bundle, _ int, id, body string) string {
			return fmt.Sprintf(`{"messageId":%q,"timestamp":"2026-03-02T10:15:05Z","originalPayload":%s,`+
				`"originalHeaders":{},"errorReason":"no","retryCount":0}`, id, body)
		},
		"dedup key": func(_ *testing.T, _ bundle, receipt int, id, body string) string {
			return fmt.Sprintf(`{"messageId":"m-%d","timestamp":"2026-03-02T10:15:05Z","originalPayload":%s,`+
				`"originalHeaders":{"x-event-id":%q},"errorReason":"no","retryCount":0}`, receipt, body, id)
		},
	}
}

// Two webhooks with one id and different bodies are two messages, whatever the status of the first.
func TestOtherContentIsAnotherMessageInEveryStatus(t *testing.T) {
	t.Parallel()
	for name, encoded := range claims() {
		for _, status := range deadletter.Statuses() {
			t.Run(name+", "+string(status), func(t *testing.T) {
				t.Parallel()
				b := setup(t, withEventID())
				b.send(t, encoded(t, b, 1, "msg_1", `{"order":1}`))
				b.once(t)
				first := only(t, b.store)
				b.force(t, first, status)
				second := encoded(t, b, 2, "msg_1", `{"order":2}`)
				b.send(t, second, second, encoded(t, b, 3, "msg_1", `{"order":1}`))
				b.once(t)
				got := b.messages(t)
				if want := map[string]int{`{"order":1}`: 2, `{"order":2}`: 2}; fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("the messages arrived %v", got)
				}
				after := desktest.Message(t, b.store, first.ID)
				if after.Status != status || after.DeliveredWebhookID() != "msg_1" {
					t.Errorf("the first is %s, delivered as %s", after.Status, after.DeliveredWebhookID())
				}
				others, err := b.store.SameID(t.Context(), after)
				if err != nil || len(others) != 1 || others[0].DeliveredWebhookID() != string(others[0].ID) {
					t.Fatalf("the same id have %+v, %v", others, err)
				}
				if back, err := b.store.SameID(t.Context(), others[0]); err != nil || len(back) != 1 ||
					back[0].ID != first.ID {
					t.Errorf("the second is linked with %+v, %v", back, err)
				}
				b.isEmpty(t)
			})
		}
	}
}

// Each content is one message, whatever the order, the number of arrivals and the number of ingests.
func TestEachContentIsOneMessageInAnyOrder(t *testing.T) {
	t.Parallel()
	for name, encoded := range claims() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, withEventID())
			var bodies []string
			for n := range 60 {
				bodies = append(bodies, encoded(t, b, n, "msg_1", fmt.Sprintf(`{"order":%d}`, n%6)))
			}
			rand.New(rand.NewPCG(1, 2)).Shuffle(len(bodies), func(i, j int) {
				bodies[i], bodies[j] = bodies[j], bodies[i]
			})
			b.send(t, bodies...)
			var running sync.WaitGroup
			for range 6 {
				i := newIngest(b.queue, b.store, withEventID(), b.clock, desktest.Log(t))
				running.Go(func() { _, _ = i.Once(t.Context(), 0) })
			}
			running.Wait()
			for b.once(t) > 0 {
			}
			got := b.messages(t)
			for n := range 6 {
				if body := fmt.Sprintf(`{"order":%d}`, n); got[body] != 10 {
					t.Errorf("%s arrived %d times", body, got[body])
				}
			}
			if len(got) != 6 {
				t.Errorf("the messages are %v", got)
			}
			b.isEmpty(t)
		})
	}
}

func TestDrainedMessageIsRecognisedByItsLatestRevision(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	c := desktest.Failure("a-1", 422, b.clock.Now())
	m := desktest.Receive(t, b.store, c)
	edited, err := m.EditAndReplay(
		deadletter.Actor{Kind: deadletter.ActorUser, Name: "anna"}, deadletter.TriggerEdit,
		deadletter.Revision{Body: []byte(`{"n":2}`), Headers: c.Headers, Reason: "a test"}, m.Version, b.clock.Now(),
	)
	if err != nil {
		t.Fatal(err)
	}
	b.apply(t, edited)
	drained, err := edited.After.Drain(deadletter.System(), "dlq", b.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	b.apply(t, drained)
	c.Body = []byte(`{"n":2}`)
	b.send(t, encode(t, c))
	b.once(t)
	if l := only(t, b.store); l.Status != deadletter.Failed || l.Arrivals != 2 {
		t.Errorf("it is %s after %d arrivals", l.Status, l.Arrivals)
	}
}

// A message that an earlier version superseded has no digest: its content is read.
func TestMessageWithoutDigestIsRecognised(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	for n, body := range []string{`{"n":1}`, `{"n":2}`} {
		c := desktest.Failure(fmt.Sprintf("a-%d", n), 503, b.clock.Now())
		c.WebhookID, c.Body = "msg_1", []byte(body)
		change := deadletter.NewMessage(c, desktest.Policy(), 0, b.clock.Now())
		if n > 0 {
			change.Supersedes = &deadletter.Superseded{ID: "a-0"}
		}
		b.apply(t, change)
	}
	again := desktest.Failure("a-2", 503, b.clock.Now())
	again.WebhookID, again.Body = "msg_1", []byte(`{"n":1}`)
	b.send(t, encode(t, again))
	b.once(t)
	if got := b.messages(t); got[`{"n":1}`] != 2 || got[`{"n":2}`] != 1 {
		t.Errorf("the messages arrived %v", got)
	}
}

func TestRepeatedContentAfterTheWindowIsAnotherMessage(t *testing.T) {
	t.Parallel()
	b := setup(t, settings)
	for n := range 2 {
		c := desktest.Failure(fmt.Sprintf("a-%d", n), 503, b.clock.Now())
		c.WebhookID = "msg_1"
		b.send(t, encode(t, c))
		b.once(t)
		b.clock.Add(8 * 24 * time.Hour)
	}
	if m := desktest.Message(t, b.store, "a-1"); m.DeliveredWebhookID() != "msg_1" || m.Arrivals != 1 {
		t.Errorf("delivered as %s after %d arrivals", m.DeliveredWebhookID(), m.Arrivals)
	}
	if same, err := b.store.SameID(t.Context(), desktest.Message(t, b.store, "a-0")); err != nil || len(same) != 0 {
		t.Errorf("other content have %+v, %v", same, err)
	}
}

func TestSignedIDIsDeliveredAsItCame(t *testing.T) {
	t.Parallel()
	s := settings
	s.Dedup = map[string]payload.Dedup{"genesys": {Header: "webhook-id", Signed: true, Window: time.Hour}}
	b := setup(t, s)
	for n := range 2 {
		c := desktest.Failure(fmt.Sprintf("a-%d", n), 503, b.clock.Now())
		c.WebhookID, c.Body = "msg_1", fmt.Appendf(nil, `{"n":%d}`, n)
		b.send(t, encode(t, c))
	}
	b.once(t)
	if m := desktest.Message(t, b.store, "a-1"); m.DeliveredWebhookID() != "msg_1" {
		t.Errorf("delivered as %s", m.DeliveredWebhookID())
	}
}

// withEventID returns settings in which the header X-Event-Id names the event.
func withEventID() ingest.Settings {
	s := settings
	s.DefaultSource = "genesys"
	s.Dedup = map[string]payload.Dedup{"genesys": {Header: "X-Event-Id", Window: time.Hour}}
	return s
}

func only(t *testing.T, s *store.Store) deadletter.Message {
	t.Helper()
	page, err := s.Messages(t.Context(), store.MessageQuery{Limit: 10})
	if err != nil || len(page.Items) != 1 {
		t.Fatalf("there are %d messages, %v", len(page.Items), err)
	}
	return page.Items[0]
}

// messages returns how often each body arrived.
func (b bundle) messages(t *testing.T) map[string]int {
	t.Helper()
	page, err := b.store.Messages(t.Context(), store.MessageQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	arrived := map[string]int{}
	for _, m := range page.Items {
		r, err := b.store.Revision(t.Context(), m.ID, 0)
		if err != nil {
			t.Fatal(err)
		}
		arrived[string(r.Body)] += m.Arrivals
	}
	return arrived
}

func (b bundle) apply(t *testing.T, c deadletter.Change) {
	t.Helper()
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Apply(ctx, c) })
	if err != nil {
		t.Fatal(err)
	}
}

// force gives a message a status.
func (b bundle) force(t *testing.T, m deadletter.Message, status deadletter.Status) {
	t.Helper()
	after := m
	after.Status = status
	b.apply(t, deadletter.Change{Before: m, After: after, Event: deadletter.Event{Action: "test"}})
}

// Another program may copy the attribute of a redrive onto a message of its own.
func TestCopiedMarkHidesNoMessage(t *testing.T) {
	t.Parallel()
	s := settings
	s.SourceOf = map[string]string{"orders": "genesys"}
	b := setup(t, s)
	b.ConfigName = "orders"
	b.send(t, `{"order":1}`)
	b.once(t)
	sent := only(t, b.store)
	b.force(t, sent, deadletter.Redriven)
	marked := map[string]queue.Attribute{envelope.Mark: {Type: "String", String: string(sent.ID)}}
	for _, body := range []string{`{"order":2}`, `{"order":1}`} {
		if err := b.queue.Send(t.Context(), []queue.Outgoing{{Body: []byte(body), Attributes: marked}})[0]; err != nil {
			t.Fatal(err)
		}
	}
	b.once(t)
	if got := b.messages(t); got[`{"order":1}`] != 2 || got[`{"order":2}`] != 1 {
		t.Errorf("the messages arrived %v", got)
	}
	if m := desktest.Message(t, b.store, sent.ID); m.Status != deadletter.Failed {
		t.Errorf("what came back is %s", m.Status)
	}
}
