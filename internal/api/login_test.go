package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"dlqdesk/internal/api"
	"dlqdesk/internal/deadletter"
)

// A program without a token asks for one, looks whether it was granted, and takes it.
func TestProgramTakesTheTokenThatWasGranted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	asked := read[api.TokenRequest](t, b.ask(t, "", "POST", "/token-requests", `{"name":"CLI"}`), http.StatusCreated)
	take := func() answer {
		return b.ask(t, "", "POST", "/token-requests/take", `{"secret":"`+asked.Secret+`"}`)
	}
	if got := read[api.GrantedToken](t, take(), http.StatusOK); got.State != "waiting" || got.Token != "" {
		t.Errorf("before it is granted: %+v", got)
	}
	olga := deadletter.User("olga", deadletter.Operator, "")
	if _, err := b.auth.GrantToken(
		t.Context(),
		httptest.NewRecorder(),
		olga,
		asked.Code,
		deadletter.Viewer,
		7,
	); err != nil {
		t.Fatal(err)
	}
	got := read[api.GrantedToken](t, take(), http.StatusOK)
	me := read[api.Identity](t, b.ask(t, got.Token, "GET", "/me", ""), http.StatusOK)
	if got.State != "granted" || me.Role != "viewer" || me.Name != got.Name || !me.ExpiresAt.Equal(*got.ExpiresAt) {
		t.Errorf("it is granted %+v, and is %+v", got, me)
	}
	if p := read[api.Problem](t, take(), http.StatusNotFound); strings.Contains(p.Detail, got.Token) {
		t.Errorf("the second time it is answered %+v", p)
	}
}

// Those without a token have so many requests a minute, and reach nothing else.
func TestStrangersAreLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for range 1000 {
		a := b.ask(t, "", "POST", "/token-requests/take", `{"secret":"x"}`)
		if a.status == http.StatusTooManyRequests {
			if a.header.Get("Retry-After") == "" {
				t.Error("it does not say when to come again")
			}
			return
		}
	}
	t.Error("there is no limit")
}
