package api_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"dlqdesk/internal/api"
)

// Administrators make and revoke tokens of machines. The secret is answered once, and kept nowhere.
func TestTokensAreMadeListedAndRevoked(t *testing.T) {
	t.Parallel()
	b := setup(t)
	adam, olga := b.tokens["adam"], b.tokens["olga"]
	const robot = `{"name":"robot","machine":true,"role":"viewer","sources":["cxone"],"days":7}`
	for name, secret := range map[string]string{"operator": olga, "limited": b.tokens["limited"]} {
		if a := b.ask(t, secret, "POST", "/tokens", robot); a.status != http.StatusForbidden {
			t.Errorf("%s: answered %d %s", name, a.status, a.text)
		}
	}
	if a := b.ask(t, adam, "POST", "/tokens", strings.Replace(robot, "cxone", "nowhere", 1)); a.status != 422 {
		t.Errorf("an unknown source is answered %d %s", a.status, a.text)
	}
	made := read[api.NewToken](t, b.ask(t, adam, "POST", "/tokens", robot, "Idempotency-Key", "k"), http.StatusCreated)
	again := b.ask(t, adam, "POST", "/tokens", robot, "Idempotency-Key", "k")
	if again.status != http.StatusConflict || strings.Contains(again.text, made.Secret) {
		t.Errorf("the repetition is answered %d %s", again.status, again.text)
	}
	if me := read[api.Identity](t, b.ask(t, made.Secret, "GET", "/me", ""), http.StatusOK); me.Name != "robot" {
		t.Errorf("it is %+v", me)
	}
	machines := b.ask(t, adam, "GET", "/tokens?machines=true", "")
	if list := read[api.PageOf[api.Token]](t, machines, http.StatusOK); len(list.Items) != 1 ||
		strings.Contains(machines.text, made.Secret) {
		t.Errorf("the tokens of machines are %s", machines.text)
	}
	own := read[api.PageOf[api.Token]](t, b.ask(t, olga, "GET", "/tokens", ""), http.StatusOK)
	if len(own.Items) != 2 || own.Items[0].Owner != "olga" {
		t.Errorf("the tokens of olga are %+v", own.Items)
	}
	for path, status := range map[string]int{
		"/tokens?machines=true": http.StatusForbidden, "/tokens/" + strconv.FormatInt(made.ID, 10): http.StatusNotFound,
	} {
		if a := b.ask(t, olga, "GET", path, ""); a.status != status {
			t.Errorf("%s answers an operator %d", path, a.status)
		}
	}
	revoke := "/tokens/" + strconv.FormatInt(made.ID, 10) + "/revoke"
	if a := b.ask(t, olga, "POST", revoke, ""); a.status != http.StatusForbidden {
		t.Errorf("an operator revokes it: %d", a.status)
	}
	if a := b.ask(t, adam, "POST", revoke, ""); a.status != http.StatusNoContent ||
		a.header.Get("Tokens-Ended") != "1" {
		t.Errorf("its revocation is answered %d %s", a.status, a.text)
	}
	if a := b.ask(t, made.Secret, "GET", "/me", ""); a.status != http.StatusUnauthorized {
		t.Errorf("after that it is answered %d", a.status)
	}
}

// A token can end itself, and none of its user that reaches more.
func TestTokenEndsItself(t *testing.T) {
	t.Parallel()
	b := setup(t)
	limited := b.tokens["limited"]
	list := read[api.PageOf[api.Token]](t, b.ask(t, b.tokens["olga"], "GET", "/tokens", ""), http.StatusOK)
	for _, token := range list.Items {
		if token.Name != "cx" {
			path := "/tokens/" + strconv.FormatInt(token.ID, 10) + "/revoke"
			if a := b.ask(t, limited, "POST", path, ""); a.status != http.StatusForbidden {
				t.Errorf("it revokes another: %d", a.status)
			}
		}
	}
	if a := b.ask(t, limited, "POST", "/me/revoke", ""); a.status != http.StatusNoContent {
		t.Fatalf("answered %d %s", a.status, a.text)
	}
	if a := b.ask(t, limited, "GET", "/me", ""); a.status != http.StatusUnauthorized {
		t.Errorf("after that it is answered %d", a.status)
	}
}
