package store_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

// fromQueue is a message that was read from a queue of the list.
func fromQueue(id, queue string) deadletter.Capture {
	c := desktest.Failure(id, 422, time.Date(2026, 3, 2, 10, 15, 0, 0, time.UTC))
	c.Queue = deadletter.QueueFacts{ConfigName: queue, MessageID: "m-" + id}
	return c
}

func TestMessagesAreFoundByTheirQueue(t *testing.T) {
	t.Parallel()
	s := desktest.NewStore(t)
	for id, queue := range map[string]string{"a-1": "orders", "a-2": "", "a-3": "events", "a-4": "orders"} {
		desktest.Receive(t, s, fromQueue(id, queue))
	}
	page, err := s.Messages(t.Context(), store.MessageQuery{Filter: store.Filter{Queue: "orders"}, Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, m := range page.Items {
		ids = append(ids, string(m.ID))
	}
	slices.Sort(ids)
	if got := strings.Join(ids, " "); got != "a-1 a-4" {
		t.Errorf("found %s", got)
	}
	counts, err := s.Counts(t.Context(), store.Filter{Queue: "orders"})
	if err != nil || counts.ByStatus[deadletter.Failed] != 2 {
		t.Errorf("counts %+v, %v", counts, err)
	}
	if queues, err := s.Queues(t.Context()); err != nil || !slices.Equal(queues, []string{"events", "orders"}) {
		t.Errorf("queues %v, %v", queues, err)
	}
}

// sendBack opens a redrive of a message, and ends it where SQS told the message's id.
func sendBack(t *testing.T, s *store.Store, id deadletter.ID, messageID, digest string) {
	t.Helper()
	at := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		m, err := tx.Message(ctx, id)
		if err != nil {
			return err
		}
		ordered, err := m.Redrive(
			deadletter.User("anna", deadletter.Operator, ""), deadletter.TriggerRedrive, 0, m.Version, at,
		)
		if err != nil {
			return err
		}
		opened, err := ordered.After.Claim(deadletter.Lease{Token: "token", Until: at.Add(time.Minute)}, "", at)
		if err != nil {
			return err
		}
		opened.Attempt.SentDigest = digest
		if err := tx.ApplyRequestAndClaim(ctx, ordered, opened); err != nil || messageID == "" {
			return err
		}
		a := *opened.Attempt
		a.Outcome, a.MessageID = deadletter.OutcomeRedriven, messageID
		done, err := opened.After.Finish("token", a, deadletter.RetryPolicy{}, 0, at)
		if err != nil {
			return err
		}
		return tx.Apply(ctx, done)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestReturnedQueueMessageMatchesItsMessage(t *testing.T) {
	t.Parallel()
	s := desktest.NewStore(t)
	for _, id := range []string{"marked", "told", "digested", "elsewhere"} {
		c := fromQueue(id, "orders")
		if id == "elsewhere" {
			c.Queue.ConfigName = "events"
		}
		desktest.Receive(t, s, c)
	}
	sendBack(t, s, "marked", "s-1", "")
	sendBack(t, s, "told", "s-2", "")
	sendBack(t, s, "digested", "", "d-1")
	for name, c := range map[string]struct {
		capture deadletter.Capture
		want    deadletter.ID
		before  bool
	}{
		"by its mark": {
			deadletter.Capture{RedriveOf: "marked", Queue: deadletter.QueueFacts{
				ConfigName: "orders",
				MessageID:  "x-1",
			}},
			"marked", false,
		},
		"by SQS's id": {
			deadletter.Capture{Queue: deadletter.QueueFacts{ConfigName: "orders", MessageID: "s-2"}}, "told", false,
		},
		"by its digest": {
			deadletter.Capture{Digest: "d-1", Queue: deadletter.QueueFacts{ConfigName: "orders", MessageID: "x-2"}},
			"digested", false,
		},
		"once more": {
			deadletter.Capture{
				RedriveOf: "marked", Queue: deadletter.QueueFacts{ConfigName: "orders", MessageID: "m-marked"},
			},
			"marked", true,
		},
		"of another queue": {
			deadletter.Capture{
				RedriveOf: "elsewhere", Queue: deadletter.QueueFacts{ConfigName: "orders", MessageID: "x-3"},
			},
			"", false,
		},
		"never sent back": {
			deadletter.Capture{Queue: deadletter.QueueFacts{ConfigName: "orders", MessageID: "x-4"}}, "", false,
		},
		"of no known message": {
			deadletter.Capture{RedriveOf: "gone", Queue: deadletter.QueueFacts{ConfigName: "orders", MessageID: "x-5"}},
			"",
			false,
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
				m, before, err := tx.Returned(ctx, c.capture)
				if found := err == nil; found != (c.want != "") || m.ID != c.want || before != c.before {
					t.Errorf("%s: %s, before %v, %v", name, m.ID, before, err)
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestRedrivesAreNotCountedForTheSource(t *testing.T) {
	t.Parallel()
	s := desktest.NewStore(t)
	m := desktest.Receive(t, s, fromQueue("a-1", "orders"))
	at := time.Date(2026, 3, 2, 11, 0, 0, 0, time.UTC)
	err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		c, err := m.Redrive(deadletter.User("anna", deadletter.Operator, ""), deadletter.TriggerRedrive, 0, 0, at)
		if err != nil {
			return err
		}
		return tx.Apply(ctx, c)
	})
	if err != nil {
		t.Fatal(err)
	}
	if due, err := s.Due(t.Context(), "genesys", deadletter.Replaying, at, 10); err != nil || len(due) != 0 {
		t.Errorf("the source has %v to deliver, %v", due, err)
	}
	if next, err := s.NextDue(t.Context(), "genesys", deadletter.Replaying); err != nil || !next.IsZero() {
		t.Errorf("the source waits for %v, %v", next, err)
	}
	due, err := s.DueRedrives(t.Context(), "orders", at, 10)
	if err != nil || len(due) != 1 || due[0].ID != "a-1" {
		t.Errorf("the queue has %v to send back, %v", due, err)
	}
	if next, err := s.NextRedrive(t.Context(), "orders"); err != nil || !next.Equal(at) {
		t.Errorf("the queue waits for %v, %v", next, err)
	}
	if queues, err := s.RedriveQueues(t.Context()); err != nil || !slices.Equal(queues, []string{"orders"}) {
		t.Errorf("queues %v, %v", queues, err)
	}
}

func TestAdoptedMessageCountsForItsSource(t *testing.T) {
	t.Parallel()
	s := desktest.NewStore(t)
	other := desktest.Receive(t, s, fromQueue("a-1", ""))
	for _, id := range []string{"b-1", "b-2"} {
		c := fromQueue(id, "orders")
		c.Source, c.WebhookID = "", string(other.WebhookID)
		if id == "b-2" {
			c.WebhookID = "another"
		}
		m := desktest.Receive(t, s, c)
		err := s.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
			change, err := m.Adopt(other.Source, time.Now())
			if err != nil {
				return err
			}
			received, err := tx.Revision(ctx, m.ID, 0)
			if err != nil {
				return err
			}
			if m.WebhookID == other.WebhookID {
				change = change.Beside(other, received, received, false)
			}
			return tx.Apply(ctx, change)
		})
		if got := desktest.Message(t, s, m.ID); err != nil || got.Source != other.Source {
			t.Errorf("%s has the source %q, %v", id, got.Source, err)
		}
	}
	if counts, err := s.Counts(t.Context(), store.Filter{Source: other.Source}); err != nil ||
		counts.ByStatus[deadletter.Failed] != 3 {
		t.Errorf("counts %+v, %v", counts, err)
	}
	if counts, err := s.Counts(t.Context(), store.Filter{NoSource: true}); err != nil ||
		counts.ByStatus[deadletter.Failed] != 0 {
		t.Errorf("without a source are %+v, %v", counts, err)
	}
}
