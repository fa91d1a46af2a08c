package worker_test

import (
	"context"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// A handler recognises the webhook in every delivery, whatever triggered it and whatever happened to the one before.
func TestEveryAttemptCarriesTheSameWebhookID(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	b.destination.Set(desktest.Answer(http.StatusUnprocessableEntity, `{}`))
	c := desktest.Failure("a-1", 503, b.clock.Now())
	c.WebhookID = "hook-7"
	l := desktest.Receive(t, b.store, c)

	// A process died during the first retry.
	b.clock.Add(l.DueAt.Sub(b.clock.Now()))
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		l, err := tx.Message(ctx, "a-1")
		if err != nil {
			return err
		}
		opened, err := l.Claim(
			deadletter.Lease{Token: "dead", Until: b.clock.Now().Add(time.Minute)}, "", b.clock.Now(),
		)
		if err != nil {
			return err
		}
		return tx.Apply(ctx, opened)
	})
	if err != nil {
		t.Fatal(err)
	}
	b.run(t)
	l = b.becomes(t, "a-1", deadletter.Retrying)
	b.clock.Add(l.DueAt.Sub(b.clock.Now()))
	b.worker.Kick()

	b.replay(t, b.becomes(t, "a-1", deadletter.Failed), 0)
	l = b.becomes(t, "a-1", deadletter.Failed)
	edit := desk.Edit{
		Body:    []byte(`{"id":7}`),
		Headers: deadletter.Headers{"Webhook-Id": {"another"}},
		Reason:  "the id was missing",
	}
	if _, err := b.EditAndReplay(t.Context(), anna, desk.Ref{ID: l.ID, Version: l.Version}, edit); err != nil {
		t.Fatal(err)
	}
	b.becomes(t, "a-1", deadletter.Failed)
	b.finished(t, b.begin(t, deadletter.ActReplay, deadletter.JobInput{}))

	received := b.destination.Received()
	if len(received) != 4 {
		t.Fatalf("%d deliveries arrived", len(received))
	}
	for i, d := range received {
		// The receiver made the first attempt, and the second was the one that was cut off.
		if id, number := d.Header.Values("Webhook-Id"), d.Header.Get(
			"X-Dlqdesk-Attempt",
		); len(id) != 1 || id[0] != "hook-7" || number != strconv.Itoa(i+3) {
			t.Errorf("delivery %d came as %q, attempt %s", i, id, number)
		}
	}
}

// The destination remembers the id of the first message, so the second must come under another id to be processed.
func TestMessageWithASharedIDIsDeliveredUnderItsOwn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.employ(t, deadletter.Operator)
	var seen sync.Map
	var processed atomic.Int32
	b.destination.Set(func(w http.ResponseWriter, r *http.Request) {
		if _, known := seen.LoadOrStore(r.Header.Get("Webhook-Id"), true); !known {
			processed.Add(1)
		}
		w.WriteHeader(http.StatusOK)
	})
	first, second := desktest.Failure("a-1", 422, b.clock.Now()), desktest.Failure("b-2", 422, b.clock.Now())
	first.WebhookID, second.WebhookID, second.Body = "evt-1", "evt-1", []byte(`{"n":2}`)
	desktest.Receive(t, b.store, first)
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		holder, err := tx.HolderOfWebhookID(ctx, "genesys", "evt-1")
		if err != nil {
			return err
		}
		original, err := tx.Revision(ctx, holder.ID, 0)
		if err != nil {
			return err
		}
		change := deadletter.NewMessage(second, desktest.Policy(), 0, b.clock.Now())
		return tx.Apply(ctx, change.Beside(holder, original, *change.Revision, false))
	})
	if err != nil {
		t.Fatal(err)
	}
	b.run(t)
	for _, id := range []deadletter.ID{"a-1", "b-2"} {
		b.replay(t, desktest.Message(t, b.store, id), 0)
		b.becomes(t, id, deadletter.Resolved)
	}
	if n := processed.Load(); n != 2 {
		t.Errorf("an idempotent destination processed %d of two", n)
	}
}
