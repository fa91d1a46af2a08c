package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// expectRefusals expects that all events since a number of them are refusals of one action, and by whom.
func (b bundle) expectRefusals(t *testing.T, action, by string, before int) {
	t.Helper()
	events := b.events(t)
	events = events[:len(events)-before]
	if len(events) == 0 {
		t.Error("no refusal is on record")
	}
	for _, e := range events {
		if e.Action != action || e.By != by || e.Addr != "127.0.0.1" {
			t.Errorf("the trail has %s by %q from %s, want %s by %q", e.Action, e.By, e.Addr, action, by)
		}
	}
}

// Every kind of refused request is an audit event and a line of the log, with the address and the typed name, and
// without typed secrets.
func TestRefusedRequestsAreOnRecord(t *testing.T) {
	t.Parallel()
	const secret = "hunter2-and-more"
	for name, c := range map[string]struct {
		do                         func(b bundle, vera, stranger person)
		action, by, target, reason string
		sentence                   string
	}{
		"denied action": {
			do:     func(_ bundle, vera, _ person) { vera.post("/messages/a-1/replay", order(0, "revision", "0")) },
			action: desk.RefusedAction, by: "vera", target: "a-1", reason: "a viewer may not replay",
			sentence: "vera was refused an action on message a-1",
		},
		"denied part of a page": {
			do: func(_ bundle, vera, _ person) {
				vera.post("/messages/a-1/archive", order(0, "reason", secret), htmx()...)
			},
			action: desk.RefusedAction, by: "vera", target: "a-1", reason: "a viewer may not archive",
			sentence: "vera was refused an action on message a-1",
		},
		"shared view": {
			do:     func(_ bundle, vera, _ person) { vera.post("/views", form("name", "x", "shared", "1")) },
			action: desk.RefusedAction, by: "vera", target: "vera", reason: "only operators and admins share views",
			sentence: "vera was refused an action",
		},
		"another site": {
			do: func(_ bundle, vera, _ person) {
				vera.post("/messages/a-1/replay", order(0), "Origin", "https://evil.example")
			},
			action: desk.RefusedSite, reason: "sent by https://evil.example",
			sentence: "unknown user sent a form from another site",
		},
		"wrong set-up link": {
			do: func(_ bundle, _, stranger person) {
				stranger.post("/setup", form("token", secret, "name", "mallory", "password", secret, "confirm", secret))
			},
			action: desk.RefusedLink, by: "mallory", target: "mallory",
			sentence: "mallory used a link that is not valid",
		},
		"wrong set-up link opened": {
			do:     func(_ bundle, _, stranger person) { stranger.get("/setup?token=" + secret) },
			action: desk.RefusedLink, by: "system", sentence: "dlqdesk refused a link that is not valid",
		},
		"wrong password link": {
			do: func(_ bundle, _, stranger person) {
				stranger.post("/password", form("token", secret, "password", secret, "confirm", secret))
			},
			action: desk.RefusedLink, sentence: "unknown user used a link that is not valid",
		},
		"wrong current password": {
			do: func(_ bundle, vera, _ person) {
				vera.post("/account/password", form("current", secret, "password", "a new good one", "confirm",
					"a new good one"))
			},
			action: desk.RefusedPassword, by: "vera", target: "vera", sentence: "vera gave a wrong current password",
		},
		"failed sign-in": {
			do: func(_ bundle, _, stranger person) {
				stranger.post("/signin", form("name", "Mallory\x00", "password", secret))
			},
			action: desk.RefusedSignIn, by: "Mallory?", target: "Mallory?", sentence: "Mallory? failed to sign in",
		},
		"too many sign-ins": {
			do: func(_ bundle, _, stranger person) {
				for range 12 {
					stranger.post("/signin", form("name", "mallory", "password", secret))
				}
			},
			action: desk.RefusedTooMany, by: "mallory", target: "mallory",
			sentence: "mallory made too many attempts to sign in",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.receive(t, "a-1")
			vera := b.member(t, "vera", deadletter.Viewer)
			c.do(b, vera, b.stranger(t))
			e := b.events(t)[0]
			if e.Action != c.action || e.By != c.by || e.Target != c.target || !strings.Contains(e.Reason, c.reason) ||
				e.Addr != "127.0.0.1" {
				t.Errorf("the event is %+v", e)
			}
			if text := fmt.Sprintf("%+v %s %s", e, e.After, b.log); strings.Contains(text, secret) {
				t.Errorf("a secret is on record: %s", text)
			}
			if want := "action=" + c.action; !strings.Contains(b.log.String(), want) {
				t.Errorf("the log says %s, not %s", b.log, want)
			}
			page := vera.get("/audit?action=" + url.QueryEscape(c.action))
			if got := strings.Join(
				strings.Fields(page.doc().Find(".sentence").First().Text()),
				" ",
			); got != c.sentence {
				t.Errorf("the page says %q, want %q", got, c.sentence)
			}
		})
	}
}

// A typed name is recorded without control characters, and cut to a limit.
func TestRefusedNamesAreBounded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for typed, want := range map[string]string{
		"a\nb\x1b[2J\u202e\xff":   "a?b?[2J?\uFFFD",
		strings.Repeat("ä", 500):  strings.Repeat("ä", 32),
		strings.Repeat("\n", 500): strings.Repeat("?", 64),
	} {
		b.stranger(t).post("/signin", form("name", typed, "password", "wrong password"))
		if e := b.events(t)[0]; e.By != want || e.Target != want {
			t.Errorf("the trail has %q for %q", e.By, typed)
		}
	}
}

// A flood of refused requests, each of another kind, makes a bounded number of events, which say how many there were.
func TestFloodOfRefusalsIsCounted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	vera := b.member(t, "vera", deadletter.Viewer)
	before := len(b.events(t))
	for i := range 60 {
		b.stranger(t).post("/signout", nil, "Origin", fmt.Sprintf("https://evil-%d.example", i))
		vera.post("/messages/a-1/replay", order(0, "revision", "0"))
	}
	during := len(b.events(t)) - before
	if during != 20+1 {
		t.Errorf("%d events at once", during)
	}
	b.clock.Add(time.Minute)
	vera.post("/messages/a-1/archive", order(0, "reason", "x"))
	b.stranger(t).post("/signout", nil, "Origin", "https://evil.example")
	var reasons []string
	for _, e := range b.events(t)[:len(b.events(t))-before-during] {
		reasons = append(reasons, e.By+": "+e.Reason)
	}
	got := strings.Join(reasons, "\n")
	for _, want := range []string{
		"vera: a viewer may not replay", "(59 more times within a minute)",
		"system: (40 more times within a minute)",
	} {
		if !strings.Contains(got, want) {
			t.Errorf("after the minute the trail has\n%s\nwithout %q", got, want)
		}
	}
	if len(reasons) != 4 {
		t.Errorf("%d events after the minute: %s", len(reasons), got)
	}
	if a := vera.get("/audit?action=" + desk.RefusedSite); a.status != http.StatusOK {
		t.Errorf("the page answers %d", a.status)
	}
}
