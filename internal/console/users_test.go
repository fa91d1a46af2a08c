package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
)

func TestAdminAddsAUserByLink(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *console.Deps) { d.PublicURL = "https://desk.example" })
	adam := b.member(t, "adam", deadletter.Admin)
	a := adam.get("/users")
	if got := a.says(".user-list tbody"); !strings.Contains(got, "adam") || !strings.Contains(got, "you") {
		t.Errorf("the users are %q", got)
	}
	if got := adam.get("/messages").count("a[href='/users']"); got != 1 {
		t.Errorf("the menu has %d links to the users", got)
	}
	for name, want := range map[string]int{"a b": 422, "ADAM": 409, "": 422} {
		a := adam.post("/users", form("name", name, "role", "operator"))
		if a.status != want || a.count("#name-fault") != 1 || a.count("details[open]") != 1 {
			t.Errorf("%q is answered %d: %s", name, a.status, a.says("main"))
		}
	}
	a = adam.post("/users", form("name", " olga ", "role", "operator"))
	link, err := url.Parse(a.says("#user-link"))
	if err != nil || a.status != http.StatusOK || link.Host != "desk.example" || link.Path != "/password" {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	if got := adam.get("/users").says(".user-list tbody"); !strings.Contains(got, "No password yet") {
		t.Errorf("the users are %q", got)
	}
	olga := b.stranger(t)
	fields := olga.get(link.RequestURI()).fields("form[action='/password']")
	for fault, values := range map[string][2]string{
		"#password-fault": {"short", "short"}, "#confirm-fault": {password, "something else"},
	} {
		a := olga.post("/password", form("token", fields.Get("token"), "password", values[0], "confirm", values[1]))
		if a.status != http.StatusUnprocessableEntity || a.count(fault) != 1 || a.count(".field-fault") != 1 {
			t.Errorf("%s: answered %d: %s", fault, a.status, a.says("main"))
		}
	}
	good := form("token", fields.Get("token"), "password", password, "confirm", password)
	if a := olga.post("/password", good); a.status != http.StatusSeeOther || a.header.Get("Location") != "/causes" {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	if a := olga.get("/messages"); !strings.Contains(a.says("header"), "operator") {
		t.Errorf("the desk says %q", a.says("header"))
	}
	if a := b.stranger(t).post("/password", good); a.status != http.StatusNotFound ||
		!strings.Contains(a.says("main"), "used already") {
		t.Errorf("a second use is answered %d: %s", a.status, a.says("main"))
	}
}

func TestOnlyAdministratorsManageUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.member(t, "adam", deadletter.Admin)
	b.member(t, "dora", deadletter.Viewer)
	people := []person{b.member(t, "vera", deadletter.Viewer), b.member(t, "olga", deadletter.Operator)}
	changes := func() (n int) {
		for _, e := range b.events(t) {
			if strings.HasPrefix(e.Action, "user.") {
				n++
			}
		}
		return n
	}
	before, routes := changes(), 0
	for _, r := range b.routes(t) {
		if !strings.HasPrefix(r.path, "/users") {
			continue
		}
		routes++
		for _, p := range people {
			for _, user := range []string{"dora", "olga", "nobody"} {
				a := p.do(r.method, strings.Replace(r.path, "{user}", user, 1), form(
					"name", "eve", "role", "admin", "confirmed", "yes",
				))
				if a.status != http.StatusForbidden || !strings.Contains(a.says("main"), "may not manage users") {
					t.Errorf("%s %s of %s is answered %d: %s", r.method, r.path, user, a.status, a.says("main"))
				}
			}
		}
	}
	if routes != 9 || changes() != before {
		t.Errorf("%d routes, %d changes", routes, changes()-before)
	}
}

func TestAdminChangesUsers(t *testing.T) {
	t.Parallel()
	b := setup(t)
	adam, olga := b.member(t, "adam", deadletter.Admin), b.member(t, "olga", deadletter.Operator)
	for _, step := range []struct {
		do     string
		values url.Values
		to     string
		notice string
		ends   bool // olga's session
	}{
		{"role", form("role", "admin"), "/users/olga", "The role of olga is changed.", false},
		{"role", form("role", "viewer"), "/users/olga", "The role of olga is changed.", true},
		{"signout", nil, "/users/olga", "olga is signed out everywhere.", true},
		{"disable", nil, "/users/olga", "olga is disabled and signed out.", true},
		{"enable", nil, "/users/olga", "olga can sign in again.", false},
		{"delete", form("confirmed", "yes"), "/users", "olga is deleted.", true},
	} {
		if step.do != "enable" {
			olga.post("/signin", form("name", "olga", "password", password))
		}
		a := adam.post("/users/olga/"+step.do, step.values)
		if a.status != http.StatusSeeOther || a.header.Get("Location") != step.to {
			t.Fatalf("%s is answered %d: %s", step.do, a.status, a.says("main"))
		}
		if got := adam.get(step.to).says("#notice"); got != step.notice {
			t.Errorf("%s: the page says %q", step.do, got)
		}
		if ended := olga.get("/account").status != http.StatusOK; step.do != "enable" && ended != step.ends {
			t.Errorf("%s: olga's session has ended: %v", step.do, ended)
		}
	}
	if a := adam.get("/users/olga"); a.status != http.StatusNotFound {
		t.Errorf("a deleted user is answered %d", a.status)
	}
	if got := adam.get("/audit?action=user.delete").says("main"); !strings.Contains(got, "adam deleted olga") {
		t.Errorf("the trail says %q", got)
	}
}

// The job of a disabled user pauses at once, and its page says why.
func TestJobOfADisabledUserSaysWhyItPauses(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	adam := b.member(t, "adam", deadletter.Admin)
	b.member(t, "olga", deadletter.Operator)
	id := b.draft(t, "a-1")
	by := deadletter.User("olga", deadletter.Operator, "")
	if err := b.desk.StartJob(t.Context(), by, id, deadletter.JobInput{}); err != nil {
		t.Fatal(err)
	}
	if a := adam.post("/users/olga/disable", nil); a.status != http.StatusSeeOther {
		t.Fatalf("disabling is answered %d: %s", a.status, a.says("main"))
	}
	const reason = "olga is disabled: another operator must resume it"
	if got := strings.ToLower(adam.get("/jobs/" + id.String()).says("main")); !strings.Contains(got, reason) {
		t.Errorf("the job's page says %q", got)
	}
}

func TestRefusedChangesOfUsersSayWhy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	adam, anna := b.member(t, "adam", deadletter.Admin), b.member(t, "anna", deadletter.Admin)
	b.member(t, "olga", deadletter.Operator)
	for _, c := range []struct {
		path   string
		values url.Values
		status int
		says   string
	}{
		{"/users/adam/disable", nil, http.StatusForbidden, "You cannot disable your own user"},
		{"/users/adam/delete", form("confirmed", "yes"), http.StatusForbidden, "You cannot delete your own user"},
		{
			"/users/adam/role", form("role", "viewer"), http.StatusForbidden,
			"You cannot change the role of your own user",
		},
		{"/users/olga/delete", nil, http.StatusPreconditionRequired, "Deleting olga cannot be undone: confirm it."},
		{"/users/olga/role", form("role", "operator"), http.StatusConflict, "Olga is an operator already."},
		{"/users/olga/role", form("role", "owner"), http.StatusUnprocessableEntity, "There is no role"},
		{"/users/olga/enable", nil, http.StatusConflict, "Olga is not disabled."},
		{"/users/bert/disable", nil, http.StatusNotFound, "There is no user bert"},
	} {
		a := adam.post(c.path, c.values)
		if a.status != c.status || !strings.Contains(a.says("main"), c.says) {
			t.Errorf("%s is answered %d: %s", c.path, a.status, a.says("main"))
		}
	}
	if a := adam.post("/users/anna/disable", nil); a.status != http.StatusSeeOther {
		t.Errorf("another administrator is answered %d", a.status)
	}
	if a := anna.post("/users/adam/disable", nil); a.status != http.StatusSeeOther ||
		!strings.HasPrefix(a.header.Get("Location"), "/signin") {
		t.Errorf("a disabled administrator is answered %d", a.status)
	}
	own := adam.get("/users/adam")
	if own.count(".user-act") != 0 || !strings.Contains(own.says(".denied"), "your own user") {
		t.Errorf("one's own page says %q", own.says("main"))
	}
}

func TestAccountListsAndEndsSessions(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "olga", deadletter.Operator)
	other := b.stranger(t)
	other.post("/signin", form("name", "olga", "password", password), "User-Agent",
		"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0")
	a := p.get("/account")
	if a.count(".session") != 2 || a.count(".session form") != 1 ||
		!strings.Contains(a.says(".session:has(form)"), "Firefox on Linux") ||
		!strings.Contains(a.says(".session:not(:has(form))"), "This browser") {
		t.Fatalf("the account says %q", a.says("main"))
	}
	end, _ := a.doc().Find(".session form").Attr("action")
	if a := p.post(end, nil); a.status != http.StatusSeeOther || other.get("/account").status != http.StatusSeeOther {
		t.Errorf("ending it is answered %d", a.status)
	}
	if a := p.post(end, nil); a.status != http.StatusNotFound || !strings.Contains(a.says("main"), "ended already") {
		t.Errorf("ending it again is answered %d", a.status)
	}
	other.post("/signin", form("name", "olga", "password", password))
	if a := p.post("/account/sessions/others", nil); a.status != http.StatusSeeOther ||
		other.get("/account").status != http.StatusSeeOther || p.get("/account").status != http.StatusOK {
		t.Errorf("ending all others is answered %d", a.status)
	}
}

func TestBrowserNames(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 " +
			"Safari/537.36 Edg/126.0.0.0": "Edge on Windows",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 " +
			"Safari/605.1.15": "Safari on macOS",
		"Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Mobile " +
			"Safari/537.36": "Chrome on Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) " +
			"Version/17.5 Mobile/15E148 Safari/604.1": "Safari on iPhone",
		"curl/8.14.1": "curl", "": "Unknown browser", "bot/1.0 (of ours)": "bot/1.0",
	} {
		if got := console.BrowserName(agent); got != want {
			t.Errorf("%q is %q, want %q", agent, got, want)
		}
	}
}

// A stream ends within a second or so once its user may not see it any more, whichever process changed that.
func TestStreamsOfUsersWithoutASessionEnd(t *testing.T) {
	t.Parallel()
	for name, do := range map[string]func(ctx context.Context, b bundle) error{
		"disabled": func(ctx context.Context, b bundle) error {
			return b.auth.Disable(ctx, deadletter.CLI("root"), "olga")
		},
		"demoted": func(ctx context.Context, b bundle) error {
			return b.auth.SetRole(ctx, deadletter.CLI("root"), "olga", "viewer")
		},
		"signed out": func(ctx context.Context, b bundle) error {
			_, err := b.auth.EndSessions(ctx, deadletter.CLI("root"), "olga")
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			b.followed(t)
			b.receive(t, "g-1")
			olga, otto := b.member(t, "olga", deadletter.Operator), b.member(t, "otto", deadletter.Operator)
			page, other := olga.follows("/messages", "g-1"), otto.follows("/messages", "g-1")
			if err := do(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			page.next() // "over"
			select {
			case line, ok := <-page.lines:
				if ok {
					t.Errorf("it goes on with %q", line)
				}
			case <-time.After(20 * time.Second):
				t.Error("the stream goes on")
			}
			b.receive(t, "g-2")
			if u := other.next(); u.New != "1" {
				t.Errorf("the stream of another user is told %+v", u)
			}
		})
	}
}
