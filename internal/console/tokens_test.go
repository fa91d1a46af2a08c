package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

var tokenSecret = regexp.MustCompile(`dqd_[0-9A-Za-z]{38}`)

// A user makes a token, sees its secret once, and revokes it. A fault is shown at its field, and the entries stay.
func TestUserMakesAndRevokesAToken(t *testing.T) {
	t.Parallel()
	b := setup(t)
	olga := b.member(t, "olga", deadletter.Operator)
	if a := olga.get("/account"); a.count("a[href='/account/tokens']") != 1 {
		t.Error("the account does not lead to the tokens")
	}
	if a := olga.get("/account/tokens"); a.count("[name=machine]") != 0 || a.count("#role option") != 2 ||
		!strings.Contains(a.says("main"), "You have no token") {
		t.Errorf("the page says %s", a.says("main"))
	}
	for fault, values := range map[string][]string{
		"#name-fault":    {"name", " ", "role", "viewer", "days", "90"},
		"#role-fault":    {"name", "ci", "role", "admin", "days", "90"},
		"#sources-fault": {"name", "ci", "role", "viewer", "days", "90", "sources", "genesys, nowhere"},
		"#days-fault":    {"name", "ci", "role", "viewer", "days", "x"},
	} {
		a := olga.post("/account/tokens", form(values...))
		if a.status != http.StatusUnprocessableEntity || a.count(fault) != 1 || a.count(".field-fault") != 1 ||
			a.count("details[open]") != 1 {
			t.Errorf("%s: answered %d: %s", fault, a.status, a.says("main"))
		}
	}
	a := olga.post("/account/tokens", form("name", "ci", "role", "operator", "days", "90", "sources", "genesys"))
	secret := tokenSecret.FindString(a.text)
	by, token, err := b.auth.ByToken(t.Context(), secret, "192.0.2.9")
	if a.status != http.StatusOK || err != nil || by.Name != "ci of olga" || by.Sources != "genesys" {
		t.Fatalf("answered %d %s; it is %+v, %v", a.status, a.says("main"), by, err)
	}
	list := olga.get("/account/tokens")
	if strings.Contains(list.text, secret) || !strings.Contains(list.says(".sessions"), "ci") ||
		!strings.Contains(list.says(".sessions"), secret[:8]) {
		t.Errorf("the list says %s", list.says("main"))
	}
	path := "/account/tokens/" + token.ID.String() + "/revoke"
	if a := b.member(t, "ben", deadletter.Operator).post(path, form()); a.status != http.StatusForbidden {
		t.Errorf("another user's order is answered %d", a.status)
	}
	if a := olga.post(path, form()); a.status != http.StatusSeeOther {
		t.Errorf("answered %d: %s", a.status, a.says("main"))
	}
	if _, _, err := b.auth.ByToken(t.Context(), secret, ""); deadletter.KindOf(err) != deadletter.Unauthenticated {
		t.Errorf("a revoked token is answered %v", err)
	}
	audit := olga.get("/audit?action=token.")
	if text := audit.says("main"); !strings.Contains(text, "made the token") ||
		!strings.Contains(text, "revoked the token") || strings.Contains(audit.text, secret) {
		t.Errorf("the audit trail says %s", text)
	}
}

// An administrator makes tokens of machines, which others neither see nor make.
func TestAdminMakesATokenOfAMachine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	adam := b.member(t, "adam", deadletter.Admin)
	values := form("name", "robot", "role", "viewer", "days", "0", "machine", "yes")
	if a := b.member(t, "olga", deadletter.Operator).post("/account/tokens", values); a.status != http.StatusForbidden {
		t.Errorf("an operator is answered %d: %s", a.status, a.says("main"))
	}
	a := adam.post("/account/tokens", values)
	by, _, err := b.auth.ByToken(t.Context(), tokenSecret.FindString(a.text), "")
	if err != nil || by.Name != "robot" || by.Role != deadletter.Viewer {
		t.Errorf("it is %+v, %v", by, err)
	}
	if text := adam.get("/account/tokens").says("main"); !strings.Contains(text, "robot") ||
		!strings.Contains(text, "made by adam") {
		t.Errorf("the page says %s", text)
	}
}

func TestTokenOfAnAssistantIsGoodForNothingElse(t *testing.T) {
	t.Parallel()
	b := setup(t)
	olga := b.member(t, "olga", deadletter.Operator)
	values := form("name", "claude", "role", "operator", "days", "7", "assistant", "yes")
	a := olga.post("/account/tokens", values)
	_, token, err := b.auth.ByToken(t.Context(), tokenSecret.FindString(a.text), "")
	if err != nil || !token.Assistant || deadletter.KindOf(token.ForAPI()) != deadletter.Forbidden {
		t.Errorf("it is %+v, %v", token, err)
	}
	if text := a.says("main"); !strings.Contains(text, "claude mcp add") || !strings.Contains(text, "/mcp --header") {
		t.Errorf("the page says %s", text)
	}
	if text := olga.get("/account/tokens").says(".session-name"); !strings.Contains(text, "Assistant") {
		t.Errorf("the list says %s", text)
	}
}
