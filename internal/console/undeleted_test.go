package console_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/queue"
)

// A message whose message is still on SQS says when SQS forgets that, wherever it is shown.
func TestUndeletedMessageShowsWhenItExpires(t *testing.T) {
	t.Parallel()
	const retention = 4 * 24 * time.Hour
	sent := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	left := []queue.Undeleted{
		{
			ID:     "old-9",
			SentAt: sent.Add(-retention),
			Stored: true,
		},
		{ID: "a-1", SentAt: sent, Stored: true},
		{ID: "c-3", SentAt: sent.Add(time.Hour)},
	}
	b := setup(t, func(d *console.Deps) {
		d.Queues = []desk.Queue{
			{
				Name:      "orders-dlq",
				Holds:     "Failed messages",
				Undeleted: func() []queue.Undeleted { return left },
				Shared:    true,
				Depth: func(context.Context) (queue.Depth, error) {
					return queue.Depth{Visible: 3, Retention: retention}, nil
				},
			},
		}
	})
	b.receive(t, "a-1")
	b.receive(t, "b-2")
	b.receive(t, "old-9")
	p := b.member(t, "vera", deadletter.Viewer)
	const expires = "2026-03-05 08:00:00 UTC"
	if got := p.get("/messages/a-1").says("[data-undeleted]"); got != "not yet deleted from orders-dlq · "+
		"expires "+expires {
		t.Errorf("its page says %q", got)
	}
	for _, other := range []string{"b-2", "old-9"} {
		t.Run(other, func(t *testing.T) {
			if p.get("/messages/"+other).count("[data-undeleted]") != 0 {
				t.Errorf("%s is said to be on the queue", other)
			}
		})
	}
	list := p.get("/messages")
	if got := list.says(
		"tr[data-message='a-1'] .undeleted",
	); !strings.HasPrefix(got, "not yet deleted from SQS, expires "+expires) || list.count(".undeleted") != 1 {
		t.Errorf("its row says %q", got)
	}
	got := p.get("/reconciliation").says(".queue-table")
	if !strings.Contains(got, "one that is lost here does not show") {
		t.Errorf("the ledger says %s", got)
	}
	overview := p.get("/overview").says("[aria-labelledby=queues-title] table")
	for _, want := range []string{"A message expires 4 days after it was sent", "one expires " + expires} {
		if !strings.Contains(overview, want) {
			t.Errorf("the overview does not say %q: %s", want, overview)
		}
	}
}
