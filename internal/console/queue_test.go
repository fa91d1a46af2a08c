package console_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/envelope"
	"dlqdesk/internal/queue"
)

// browse lists the messages of a queue.
type browse func(ctx context.Context, q queue.BrowseQuery, fn func(queue.BrowsedMessage) error) error

// queued is a queue with messages numbered up to last, of which the last is in flight.
func queued(last int64) browse {
	return func(_ context.Context, q queue.BrowseQuery, fn func(queue.BrowsedMessage) error) error {
		for n, listed := q.After+1, 0; n <= last && listed < q.Limit; n++ {
			if q.InFlight != (n == last) {
				continue
			}
			listed++
			c := deadletter.Capture{ID: deadletter.ID(fmt.Sprintf("m-%d", n)), Source: "genesys", Reason: "<b>503</b>"}
			body, err := envelope.Encode(c)
			if err != nil {
				return err
			}
			body = append(body, bytes.Repeat([]byte(" "), 2048-len(body))...)
			m := queue.BrowsedMessage{Number: n, ID: "q", Body: body, Size: len(body), SentAt: time.Unix(n, 0)}
			if err := fn(m); err != nil {
				return err
			}
		}
		return nil
	}
}

func TestQueueListsItsMessages(t *testing.T) {
	t.Parallel()
	listed := queued(61)
	b := setup(t, func(d *console.Deps) {
		depth := func(context.Context) (queue.Depth, error) { return queue.Depth{Visible: 60, InFlight: 1}, nil }
		see := func(ctx context.Context, q queue.BrowseQuery, fn func(queue.BrowsedMessage) error) error {
			return listed(ctx, q, fn)
		}
		d.Queues = []desk.Queue{
			{Name: "sqs", Holds: "Buffered webhooks", Depth: depth},
			{Name: "a/b c", Holds: "Failed messages", Fate: "A message moves on.", Depth: depth, Browse: see},
		}
	})
	b.receive(t, "g-0")
	p := b.member(t, "vera", deadletter.Viewer)
	a := p.get("/overview")
	if got := rowOf(a, "Queues", "Buffered"); !strings.Contains(got, "SQS cannot list messages") ||
		a.count("#queue-waiting-0") != 0 {
		t.Errorf("a queue that cannot be listed says %q", got)
	}
	link := func(a answer, selector string) answer { return p.get(a.doc().Find(selector).AttrOr("href", "")) }
	waiting := link(a, "#queue-waiting-1")
	if got := waiting.count("tr[data-queued]"); waiting.status != http.StatusOK || got != 50 ||
		waiting.says(".tab-link[aria-current='page']") != "Waiting 60" {
		t.Errorf("waiting: %d, %d rows, %q", waiting.status, got, waiting.says(".tabs-line"))
	}
	if got := waiting.says("#queue .actions-row p"); got != "Oldest first. A message moves on." {
		t.Errorf("what becomes of a message: %q", got)
	}
	if got := waiting.says(
		"tr[data-queued='m-1']",
	); got != "m-1genesys<b>503</b>2.0 KiBnone 1970-01-01 00:00:01 UTC" {
		t.Errorf("the row says %q", got)
	}
	next := link(waiting, ".pager a:last-child")
	if got := next.count("tr[data-queued]"); got != 10 || next.count("tr[data-queued='m-51']") != 1 ||
		next.count(".pager a") != 2 {
		t.Errorf("the next page has %d rows", got)
	}
	if got := link(next, ".pager a").count("tr[data-queued='m-1']"); got != 1 {
		t.Error("there is no way back to the first page")
	}
	if work := link(a, "#queue-in-flight-1"); work.count("tr[data-queued]") != 1 ||
		work.count("tr[data-queued='m-61']") != 1 {
		t.Errorf("in work: %q", work.says("#queue"))
	}
	listed = queued(0)
	if got := p.get("/overview/queues/a%2Fb%20c").says(".blank h2"); got != "Queue is empty" {
		t.Errorf("an empty queue says %q", got)
	}
	listed = func(context.Context, queue.BrowseQuery, func(queue.BrowsedMessage) error) error {
		return errors.New("s3cret")
	}
	if a := p.get(
		"/overview/queues/a%2Fb%20c",
	); a.status != http.StatusInternalServerError || strings.Contains(a.text, "s3cret") ||
		a.count(".blank a[href='/overview/queues/a%2Fb%20c']") != 1 {
		t.Errorf("a queue that cannot be read: %d %q", a.status, a.says("#queue"))
	}
	for path, want := range map[string]int{
		"/overview/queues/sqs": 404, "/overview/queues/none": 404,
		"/overview/queues/a%2Fb%20c?after=x": 422,
	} {
		t.Run(path, func(t *testing.T) {
			if got := p.get(path).status; got != want {
				t.Errorf("%s answers %d, want %d", path, got, want)
			}
		})
	}
	if got := b.stranger(t).get("/overview/queues/a%2Fb%20c").status; got != http.StatusSeeOther {
		t.Errorf("a stranger gets %d", got)
	}
}

// someQueue is a queue whose messages can be listed.
func someQueue() desk.Queue {
	depth := func(context.Context) (queue.Depth, error) { return queue.Depth{Visible: 2, InFlight: 1}, nil }
	return desk.Queue{
		Name:          "dlq",
		Holds:         "Failed messages",
		ReportsOldest: true,
		Depth:         depth,
		Browse:        queued(3),
	}
}
