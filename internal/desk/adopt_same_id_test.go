package desk_test

import (
	"context"
	"log/slog"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
)

// A message that gets the source of its queue may find another there with its id and other content. Both are delivered,
// each under an id of its own, and linked.
func TestAdoptedMessageWithAKnownIDKeepsApart(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.receive(t, "a-1", func(c *deadletter.Capture) { c.WebhookID = "evt-1" })
	b.receive(t, "b-2", func(c *deadletter.Capture) {
		c.Source, c.WebhookID, c.Body = "", "evt-1", []byte(`{"n":2}`)
		c.Queue.ConfigName = "orders"
	})
	adopter := desk.Adopter{
		Store: b.store, Queue: "orders", Source: "genesys", Now: b.clock.Now, Log: slog.New(slog.DiscardHandler),
	}
	if err := adopter.Run(context.WithoutCancel(b.ctx)); err != nil {
		t.Fatal(err)
	}
	adopted := desktest.Message(t, b.store, "b-2")
	if adopted.Source != "genesys" || adopted.DeliveredWebhookID() != "b-2" {
		t.Errorf("adopted as %+v", adopted)
	}
	for _, m := range []deadletter.Message{first, adopted} {
		if others, err := b.store.SameID(t.Context(), m); err != nil || len(others) != 1 {
			t.Errorf("%s is linked with %+v, %v", m.ID, others, err)
		}
	}
	if _, err := b.store.VerifyAudit(t.Context()); err != nil {
		t.Error(err)
	}
}
