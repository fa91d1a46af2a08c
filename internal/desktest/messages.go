package desktest

import (
	"context"
	"math/rand/v2"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Policy is the retry policy of the examples.
func Policy() deadletter.RetryPolicy {
	return deadletter.RetryPolicy{MaxAttempts: 5, Base: 2 * time.Second, Cap: 15 * time.Minute}
}

// Noise is a text of so many bytes that cannot be compressed, the same one each time, and no UTF-8.
func Noise(bytes int) string {
	noise := make([]byte, bytes)
	_, _ = rand.NewChaCha8([32]byte{}).Read(noise) // it never fails
	return string(noise)
}

// Failure is a capture of a webhook of source genesys that the handler answered with a code, or never answered when
// it is 0.
func Failure(id string, code int, at time.Time) deadletter.Capture {
	first := &deadletter.Attempt{
		Number:     1,
		Trigger:    deadletter.TriggerReceive,
		Actor:      "system",
		StartedAt:  at,
		Done:       true,
		Latency:    84 * time.Millisecond,
		Outcome:    deadletter.ErrorResponse,
		StatusCode: code,
		Error:      "The handler answered: field id is missing",
		ResponseHeaders: deadletter.Headers{
			"Content-Type": {"application/json"},
		},
		ResponseBody: []byte(`{"error":"field id is missing"}`),
	}
	if code == 0 {
		first.Outcome, first.Error = deadletter.Unknown, "No answer within 10s: the handler may have processed it"
	}
	return deadletter.Capture{
		ID:           deadletter.ID(id),
		Source:       "genesys",
		Destination:  "http://127.0.0.1:9090/genesys",
		Method:       "POST",
		WebhookID:    id,
		ReceivedAt:   at,
		Headers:      deadletter.Headers{"Content-Type": {"application/json"}, "Authorization": {"Bearer s3cret"}},
		Body:         []byte(`{"eventType":"conversation:updated","n":12345678901234567890}`),
		Reason:       first.Error,
		FirstAttempt: first,
	}
}

// Receive puts a captured message into the store.
func Receive(t testing.TB, s *store.Store, c deadletter.Capture) deadletter.Message {
	t.Helper()
	change := deadletter.NewMessage(c, Policy(), 0.5, c.ReceivedAt)
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error { return tx.Apply(ctx, change) })
	if err != nil {
		t.Fatal(err)
	}
	return change.After
}

// ReceiveAll stores the messages of captures in one transaction.
func ReceiveAll(t testing.TB, s *store.Store, list []deadletter.Capture) {
	t.Helper()
	changes := make([]*deadletter.Change, len(list))
	for i, c := range list {
		change := deadletter.NewMessage(c, Policy(), 0.5, c.ReceivedAt)
		changes[i] = &change
	}
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		_, err := tx.Add(ctx, changes...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Message reads a message that must be there.
func Message(t testing.TB, s *store.Store, id deadletter.ID) deadletter.Message {
	t.Helper()
	l, err := s.Message(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}
