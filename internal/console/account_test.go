package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

func TestSignInReturnsToTheRequestedPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	b.member(t, "olga", deadletter.Operator)
	p := b.stranger(t)
	door := p.get("/messages/a-1?back=status%3Dall")
	to, err := url.Parse(door.header.Get("Location"))
	if err != nil || to.Path != "/signin" {
		t.Fatalf("a stranger is sent to %q", door.header.Get("Location"))
	}
	fields := p.get(to.String()).fields("form[action='/signin']")
	fields.Set("name", "olga")
	fields.Set("password", password)
	a := p.post("/signin", fields)
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/messages/a-1?back=status%3Dall" {
		t.Fatalf("signing in answers %d, to %q", a.status, a.header.Get("Location"))
	}
	if got := p.get(a.header.Get("Location")); got.status != http.StatusOK {
		t.Errorf("the page answers %d", got.status)
	}
	part := b.stranger(t).
		get("/messages/a-1/panel", "HX-Request", "true", "HX-Current-URL", b.server.URL+"/messages/a-1?revision=0")
	if got := part.header.Get("HX-Redirect"); got != "/signin?next="+url.QueryEscape("/messages/a-1?revision=0") {
		t.Errorf("htmx is sent to %q", got)
	}
	away := b.stranger(t).get("/messages", "HX-Request", "true", "HX-Current-URL", "https://evil.example/x")
	if got := away.header.Get("HX-Redirect"); strings.Contains(got, "evil") {
		t.Errorf("htmx is sent to %q", got)
	}
}

func TestSignInRefusesForeignRedirects(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.member(t, "olga", deadletter.Operator)
	for _, next := range []string{
		"https://evil.example", "//evil.example", "/\\evil.example",
		"javascript:alert(1)", "/\t/evil.example",
	} {
		t.Run(next, func(t *testing.T) {
			p := b.stranger(t)
			if got := p.get("/signin?" + form("next", next).Encode()).fields("form").Get("next"); got != "/causes" {
				t.Errorf("%q: the form leads to %q", next, got)
			}
			if a := p.post("/signin", form("name", "olga", "password", password, "next", next)); a.header.Get(
				"Location",
			) != "/causes" {
				t.Errorf("%q leads to %q", next, a.header.Get("Location"))
			}
		})
	}
}

func TestSignInFailureHidesTheReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.member(t, "olga", deadletter.Operator)
	p := b.stranger(t)
	wrong, unknown := p.post("/signin", form("name", "olga", "password", "guess")), p.post(
		"/signin", form("name", "nobody", "password", "guess"),
	)
	for _, a := range []answer{wrong, unknown} {
		if a.status != http.StatusUnauthorized ||
			!strings.Contains(a.says("main"), "The name or the password is wrong.") {
			t.Errorf("answered %d: %s", a.status, a.says("main"))
		}
	}
	if wrong.fields("form").Get("name") != "olga" || wrong.fields("form").Get("password") != "" {
		t.Errorf("the form comes back with %v", wrong.fields("form"))
	}
}

func TestBruteForceIsSlowed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	member := b.member(t, "olga", deadletter.Operator)
	p := b.stranger(t)
	var last answer
	tries := 0
	for tries < 15 {
		tries++
		if last = p.post(
			"/signin", form("name", "olga", "password", "guess"),
		); last.status == http.StatusTooManyRequests {
			break
		}
	}
	if last.status != http.StatusTooManyRequests || last.header.Get("Retry-After") == "" ||
		!strings.Contains(last.says("main"), "wait 6 seconds") {
		t.Fatalf(
			"after %d tries: %d, Retry-After %q: %s", tries, last.status, last.header.Get("Retry-After"),
			last.says("main"),
		)
	}
	if a := p.post("/signin", form("name", "olga", "password", password)); a.status != http.StatusTooManyRequests {
		t.Errorf("the right password is answered %d", a.status)
	}
	if a := member.get("/messages"); a.status != http.StatusOK {
		t.Errorf("who is signed in is answered %d", a.status)
	}
	if a := member.post(
		"/account/password",
		form("current", "guess", "password", "a new long one", "confirm", "a new long one"),
	); a.status != http.StatusUnprocessableEntity || a.count("#current-fault") != 1 {
		t.Errorf("a change of the password is answered %d: %s", a.status, a.says("main"))
	}
}

func TestSetupByLink(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.stranger(t)
	if a := p.get("/signin"); !strings.Contains(a.says("#notice"), "Nobody can sign in yet.") ||
		!strings.Contains(a.says("#notice"), "dlqdesk user setup-link") {
		t.Errorf("without users the door says %q", a.says("#notice"))
	}
	token, err := b.auth.NewSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if a := p.get(
		"/setup?token=guess",
	); a.status != http.StatusForbidden || a.count("form[action='/setup']") != 0 ||
		!strings.Contains(a.says("main"), "terminal") {
		t.Errorf("a guess is answered %d: %s", a.status, a.says("main"))
	}
	fields := p.get("/setup?token=" + token).fields("form")
	if fields.Get("token") != token {
		t.Fatalf("the form has %v", fields)
	}
	for name, test := range map[string]struct{ name, password, confirm, fault string }{
		"name":     {"a b", password, password, "#name-fault"},
		"password": {"adam", "short", "short", "#password-fault"},
		"confirm":  {"adam", password, "something else", "#confirm-fault"},
	} {
		t.Run(name, func(t *testing.T) {
			a := p.post(
				"/setup",
				form("token", token, "name", test.name, "password", test.password, "confirm", test.confirm),
			)
			if a.status != http.StatusUnprocessableEntity || a.count(test.fault) != 1 || a.count(".field-fault") != 1 ||
				strings.Contains(a.text, password) {
				t.Errorf("%s: answered %d: %s", name, a.status, a.says("main"))
			}
		})
	}
	good := form("token", token, "name", " adam ", "password", password, "confirm", password)
	if a := p.post("/setup", good); a.status != http.StatusSeeOther || a.header.Get("Location") != "/causes" {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	if a := p.get("/messages"); a.status != http.StatusOK ||
		!strings.Contains(a.says("#notice"), "first administrator") {
		t.Errorf("the desk answers %d: %s", a.status, a.says("#notice"))
	}
	if a := b.stranger(t).
		post("/setup", good); a.status != http.StatusForbidden ||
		!strings.Contains(a.says("main"), "used already") {
		t.Errorf("a second use is answered %d: %s", a.status, a.says("main"))
	}
}

func TestSignOut(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "olga", deadletter.Operator)
	if a := p.post("/signout", nil); a.status != http.StatusSeeOther || a.header.Get("Location") != "/signin" {
		t.Errorf("answered %d, to %q", a.status, a.header.Get("Location"))
	}
	if a := p.get("/messages"); a.status != http.StatusSeeOther {
		t.Errorf("afterwards a page is answered %d", a.status)
	}
}

func TestChangeOfPassword(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "olga", deadletter.Operator)
	other := b.stranger(t)
	other.post("/signin", form("name", "olga", "password", password))
	for fault, values := range map[string]url.Values{
		"#current-fault":  form("current", "guess", "password", "a new long one", "confirm", "a new long one"),
		"#password-fault": form("current", password, "password", "olgaolgaolga", "confirm", "olgaolgaolga"),
		"#confirm-fault":  form("current", password, "password", "a new long one", "confirm", "another one"),
	} {
		t.Run(fault, func(t *testing.T) {
			if a := p.post(
				"/account/password", values,
			); a.status != http.StatusUnprocessableEntity || a.count(fault) != 1 ||
				a.count(".field-fault") != 1 {
				t.Errorf("%s: answered %d: %s", fault, a.status, a.says("main"))
			}
		})
	}
	if a := p.post(
		"/account/password",
		form("current", password, "password", "a new long one", "confirm", "a new long one"),
	); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	if a := p.get("/account"); !strings.Contains(a.says("#notice"), "Your password is changed.") {
		t.Errorf("the account says %q", a.says("#notice"))
	}
	if a := p.get("/account"); a.says("#notice") != "" {
		t.Errorf("the account says again %q", a.says("#notice"))
	}
	if a := other.get("/account"); a.status != http.StatusSeeOther {
		t.Errorf("the other session is answered %d", a.status)
	}
}

// Every field has the autocomplete value that password managers know, and allows pasting.
func TestPasswordFields(t *testing.T) {
	t.Parallel()
	b := setup(t)
	token, err := b.auth.NewSetupLink(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	stranger := b.stranger(t)
	pages := map[string]answer{
		"set-up": stranger.get("/setup?" + url.Values{"token": {token}}.Encode()), "sign-in": stranger.get("/signin"),
	}
	pages["change"] = b.member(t, "olga", deadletter.Operator).get("/account/password")
	for name, a := range pages {
		fields := a.doc().Find("main input[name=password], main input[name=current], main input[name=confirm]")
		if fields.Length() == 0 {
			t.Errorf("%s has no password field: %s", name, a.text)
		}
		for _, field := range fields.EachIter() {
			if complete := field.AttrOr("autocomplete", ""); field.AttrOr("type", "") != "password" ||
				complete != "new-password" && complete != "current-password" || field.AttrOr("onpaste", "") != "" {
				t.Errorf("%s: the field %s completes %q", name, field.AttrOr("name", ""), complete)
			}
		}
	}
}
