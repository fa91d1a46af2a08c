package console_test

import (
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

// The list and the overview say how many failed webhooks they do not show yet, and an open list keeps the number right.
func TestWebhooksOnTheirWayAreShown(t *testing.T) {
	t.Parallel()
	const text = "1,204 failed webhooks are on their way to the desk."
	b := setup(t)
	b.followed(t)
	b.receive(t, "g-1")
	p := b.member(t, "olga", deadletter.Operator)
	for n, want := range map[int64]bool{0: false, 99: false, 1204: true} {
		b.onTheirWay.Store(n)
		for _, path := range []string{"/messages", "/overview"} {
			if got := strings.Contains(p.get(path).text, text); got != want {
				t.Errorf("%s with %d on their way says so: %t", path, n, got)
			}
		}
	}
	page := p.follows("/messages", "g-1")
	b.onTheirWay.Store(1204)
	b.receive(t, "g-2")
	if u := page.next(); !strings.Contains(u.OnTheirWay, text) {
		t.Errorf("an open list is told %+v", u)
	}
	b.onTheirWay.Store(0)
	b.receive(t, "g-3")
	if u := page.next(); u.OnTheirWay != `<div id="on-their-way"></div>` {
		t.Errorf("an open list is told %+v", u)
	}
}
