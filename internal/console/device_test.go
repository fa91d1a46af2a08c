package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

// A person who enters the code of a program sees who asks, and grants it a token, which the program takes once.
func TestProgramIsSignedInByItsCode(t *testing.T) {
	t.Parallel()
	b := setup(t)
	olga := b.member(t, "olga", deadletter.Operator)
	request, secret, err := b.auth.AskForToken(t.Context(), "CLI on laptop", "192.0.2.9")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, ok, err := b.auth.TakeToken(t.Context(), secret, ""); ok || err != nil {
		t.Fatalf("before it is granted it is %t, %v", ok, err)
	}
	if a := olga.get("/device"); a.count("input[name=code]") != 1 || a.count("form[action^='/device/']") != 0 {
		t.Errorf("the page says %s", a.says("main"))
	}
	a := olga.post("/device", form("code", strings.ToLower(strings.ReplaceAll(request.Code, "-", " "))))
	if text := a.says("main"); !strings.Contains(text, "CLI on laptop") || !strings.Contains(text, "192.0.2.9") ||
		!strings.Contains(text, "not this browser’s: 127.0.0.1") || a.count("#role option") != 2 {
		t.Errorf("the page says %s", text)
	}
	if strings.Contains(a.text, secret) {
		t.Error("the page has the secret of the request")
	}
	for name, values := range map[string][2]string{"a higher role": {"admin", "90"}, "a wrong time": {"viewer", "x"}} {
		a := olga.post("/device/grant", form("code", request.Code, "role", values[0], "days", values[1]))
		if a.status != http.StatusUnprocessableEntity || a.count("form[action='/device/grant']") != 1 {
			t.Errorf("%s is answered %d: %s", name, a.status, a.says("main"))
		}
	}
	a = olga.post("/device/grant", form("code", request.Code, "role", "operator", "days", "90"))
	if a.status != http.StatusSeeOther || !strings.Contains(olga.get("/device").says("body"), "is signed in") {
		t.Errorf("answered %d: %s", a.status, a.says("main"))
	}
	_, token, ok, err := b.auth.TakeToken(t.Context(), secret, "192.0.2.9")
	if err != nil || !ok {
		t.Fatalf("it is granted: %t, %v", ok, err)
	}
	by, its, err := b.auth.ByToken(t.Context(), token, "")
	if err != nil || by.Name != "CLI on laptop of olga" || by.Role != deadletter.Operator ||
		!its.ExpiresAt.Equal(its.CreatedAt.AddDate(0, 0, 90)) {
		t.Errorf("the token is %+v of %+v, %v", its, by, err)
	}
	if _, _, ok, err := b.auth.TakeToken(t.Context(), secret, ""); ok || deadletter.KindOf(err) != deadletter.NotFound {
		t.Errorf("it is given twice: %t, %v", ok, err)
	}
	for _, path := range []string{"grant", "refuse"} {
		a := olga.post("/device/"+path, form("code", request.Code, "role", "viewer", "days", "90"))
		if a.status != http.StatusConflict || !strings.Contains(a.says("main"), "used already") {
			t.Errorf("%s of a used code is answered %d: %s", path, a.status, a.says("main"))
		}
	}
	audit := olga.get("/audit?action=token.")
	if text := audit.says("main"); !strings.Contains(text, "signed in a program with the token") ||
		!strings.Contains(text, "made the token") || strings.Contains(audit.text, token) {
		t.Errorf("the audit trail says %s", text)
	}
}

// A program gets no token that was refused, that no person granted in time, or whose user may not sign in any more; and
// a wrong code shows nothing.
func TestProgramIsNotSignedIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	olga := b.member(t, "olga", deadletter.Operator)
	ask := func() (code, secret string) {
		request, secret, err := b.auth.AskForToken(t.Context(), "CLI", "192.0.2.9")
		if err != nil {
			t.Fatal(err)
		}
		return request.Code, secret
	}
	take := func(secret string, want deadletter.Kind) {
		t.Helper()
		_, token, ok, err := b.auth.TakeToken(t.Context(), secret, "")
		if ok || token != "" || deadletter.KindOf(err) != want {
			t.Errorf("it gets %q, %t, %v", token, ok, err)
		}
	}
	code, secret := ask()
	if a := olga.post("/device/refuse", form("code", code)); a.status != http.StatusSeeOther {
		t.Errorf("the refusal is answered %d", a.status)
	}
	take(secret, deadletter.Forbidden)
	take("nonsense", deadletter.NotFound)

	code, secret = ask()
	b.clock.Add(deadletter.TokenRequestLife)
	if a := olga.post("/device", form("code", code)); a.status != http.StatusNotFound || a.count("#code-fault") != 1 {
		t.Errorf("an expired code is answered %d: %s", a.status, a.says("main"))
	}
	take(secret, deadletter.NotFound)

	code, secret = ask()
	olga.post("/device/grant", form("code", code, "role", "operator", "days", "90"))
	if err := b.auth.Disable(t.Context(), deadletter.System(), "olga"); err != nil {
		t.Fatal(err)
	}
	take(secret, deadletter.Forbidden)

	for i, path := range []string{"/device", "/device/grant", "/device/refuse"} {
		ben := b.member(t, fmt.Sprintf("ben%d", i), deadletter.Operator)
		limited := false
		for range 20 {
			a := ben.post(path, form("code", "BBBB-BBBB", "role", "viewer", "days", "90"))
			limited = limited || a.status == http.StatusTooManyRequests
		}
		if !limited {
			t.Errorf("codes can be guessed at %s without a limit", path)
		}
	}
}

// A link of a stranger neither fills the code in nor shows who asks, and an admin gives away no more than the role of an
// operator, unless they choose to.
func TestLinkOfAStrangerSignsNothingIn(t *testing.T) {
	t.Parallel()
	b := setup(t)
	ada := b.member(t, "ada", deadletter.Admin)
	request, _, err := b.auth.AskForToken(t.Context(), "CLI on laptop", "192.0.2.9")
	if err != nil {
		t.Fatal(err)
	}
	a := ada.get("/device?code=" + request.Code)
	if a.status != http.StatusOK || a.count("form[action='/device/grant']") != 0 ||
		strings.Contains(a.says("main"), "CLI on laptop") ||
		a.count("input[name=code][value='"+request.Code+"']") != 0 {
		t.Errorf("the link shows %s", a.text)
	}
	a = ada.post("/device", form("code", request.Code))
	if a.count("#role option[value=operator][selected]") != 1 || a.count("#role option[value=admin]") != 1 {
		t.Errorf("the roles are %s", a.says("#role"))
	}
	guessed := 0
	for range 20 {
		if a := ada.post("/device/grant", form("code", "BBBB-BBBB", "role", "viewer", "days", "90")); a.status != 429 {
			guessed++
		}
	}
	if guessed > 9 {
		t.Errorf("%d codes are tried", guessed)
	}
}

// One network cannot fill the store with requests, and takes nothing from another.
func TestRequestsForTokensAreLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var err error
	for range 20 {
		if _, _, err = b.auth.AskForToken(t.Context(), "CLI", "192.0.2.9"); err != nil {
			break
		}
	}
	if deadletter.KindOf(err) != deadletter.RateLimited {
		t.Errorf("twenty requests are answered %v", err)
	}
	if _, _, err := b.auth.AskForToken(t.Context(), "CLI", "198.51.100.1"); err != nil {
		t.Errorf("another network is answered %v", err)
	}
	if _, _, err := b.auth.AskForToken(
		t.Context(),
		"a\x1b[31m",
		"203.0.113.1",
	); deadletter.KindOf(err) != deadletter.Invalid {
		t.Errorf("a name with an escape is answered %v", err)
	}
}

// Whoever has many networks, as one site of IPv6 does, cannot fill the store with requests either.
func TestRequestsForTokensAreLimitedBySite(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := 0
	for i := range 256 {
		_, _, err := b.auth.AskForToken(t.Context(), "CLI", fmt.Sprintf("2001:db8:0:%x::1", i))
		if err == nil {
			asked++
		} else if deadletter.KindOf(err) != deadletter.RateLimited {
			t.Fatal(err)
		}
	}
	if asked > 100 {
		t.Errorf("one site has %d requests", asked)
	}
	if _, _, err := b.auth.AskForToken(t.Context(), "CLI", "2001:db8:1::1"); err != nil {
		t.Errorf("another site is answered %v", err)
	}
}
