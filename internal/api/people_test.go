package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"dlqdesk/internal/api"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// A token makes, lists and ends tokens of its user, within its own limits.
func TestTokenMakesTokensWithinItsLimits(t *testing.T) {
	t.Parallel()
	b := setup(t)
	limited := b.tokens["limited"]
	for name, c := range map[string]struct {
		secret, body string
		status       int
		field        string
	}{
		"another source": {limited, `{"name":"x","role":"viewer","sources":["genesys"]}`, 422, "sources"},
		"all sources":    {limited, `{"name":"x","role":"viewer"}`, 422, "sources"},
		"more":           {limited, `{"name":"x","role":"admin","sources":["cxone"]}`, 422, "role"},
		"of a machine":   {b.tokens["olga"], `{"name":"x","role":"viewer","machine":true}`, 403, ""},
		"within":         {limited, `{"name":"x","role":"viewer","sources":["cxone"]}`, 201, ""},
	} {
		a := b.ask(t, c.secret, "POST", "/tokens", c.body)
		if a.status != c.status || c.field != "" && read[api.Problem](t, a, c.status).Field != c.field {
			t.Errorf("%s: answered %d %s", name, a.status, a.text)
		}
	}
	body := `{"name":"deploy","role":"viewer","days":1}`
	first := b.ask(t, b.tokens["olga"], "POST", "/tokens", body, "Idempotency-Key", "k")
	made := read[api.NewToken](t, first, http.StatusCreated)
	if made.Owner != "olga" || made.By != "ci of olga" || made.ExpiresAt == nil ||
		!strings.HasPrefix(made.Secret, made.Hint) {
		t.Errorf("the token is %+v", made)
	}
	if me := read[api.Identity](
		t,
		b.ask(t, made.Secret, "GET", "/me", ""),
		http.StatusOK,
	); me.Name != "deploy of olga" {
		t.Errorf("it is %+v", me)
	}
	again := b.ask(t, b.tokens["olga"], "POST", "/tokens", body, "Idempotency-Key", "k")
	if again.status != http.StatusConflict || strings.Contains(again.text, made.Secret) ||
		again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the repetition is answered %d %s", again.status, again.text)
	}
	list := read[api.PageOf[api.Token]](t, b.ask(t, made.Secret, "GET", "/tokens", ""), http.StatusOK)
	if len(list.Items) != 4 || list.Items[0].ID != made.ID {
		t.Errorf("the tokens of olga are %+v", list)
	}
	end := fmt.Sprintf("/tokens/%d/revoke", list.Items[3].ID) // that of olga, who may more
	if a := b.ask(t, made.Secret, "POST", end, ""); a.status != http.StatusForbidden {
		t.Errorf("ending one that may more is answered %d %s", a.status, a.text)
	}
	if a := b.ask(
		t,
		made.Secret,
		"POST",
		fmt.Sprintf("/tokens/%d/revoke", made.ID),
		"",
	); a.status != http.StatusNoContent {
		t.Errorf("ending itself is answered %d %s", a.status, a.text)
	}
	if a := b.ask(t, made.Secret, "GET", "/me", ""); a.status != http.StatusUnauthorized {
		t.Errorf("it goes on: %d", a.status)
	}
	narrow := b.tokens["limited"]
	seen := read[api.PageOf[api.Token]](t, b.ask(t, narrow, "GET", "/tokens", ""), http.StatusOK)
	for _, one := range seen.Items {
		if len(one.Sources) == 0 {
			t.Errorf("a token of one source sees %+v", one)
		}
	}
	if len(seen.Items) == 0 {
		t.Error("it does not see itself")
	}
	machines := "/tokens?machines=true"
	if a := b.ask(t, b.tokens["olga"], "GET", machines, ""); a.status != http.StatusForbidden {
		t.Errorf("an operator lists those of machines: %d", a.status)
	}
	robot := b.ask(t, b.tokens["adam"], "POST", "/tokens", `{"name":"robot","role":"operator","machine":true}`)
	machine := read[api.NewToken](t, robot, http.StatusCreated)
	if a := b.ask(
		t,
		machine.Secret,
		"POST",
		"/tokens",
		`{"name":"x","role":"viewer"}`,
	); a.status != http.StatusForbidden {
		t.Errorf("a machine makes a token: %d %s", a.status, a.text)
	}
	if own := read[api.PageOf[api.Token]](t, b.ask(t, machine.Secret, "GET", "/tokens", ""), 200); len(own.Items) != 0 {
		t.Errorf("a machine has the tokens %+v", own)
	}
	if all := read[api.PageOf[api.Token]](
		t,
		b.ask(t, b.tokens["adam"], "GET", machines, ""),
		200,
	); len(all.Items) != 1 {
		t.Errorf("the machines have %+v", all)
	}
}

// Administrators manage users. A token of a user does not change that user.
func TestUsersAreManaged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	adam := b.tokens["adam"]
	added := read[api.PasswordLink](t, b.ask(t, adam, "POST", "/users", `{"name":"ines","role":"viewer"}`), 201)
	if added.Name != "ines" || !strings.HasPrefix(added.Link, "https://desk.example/password?token=") {
		t.Errorf("it is %+v", added)
	}
	for _, c := range []struct {
		path, body string
		status     int
		says       string
	}{
		{"/users", `{"name":"ines","role":"viewer"}`, 409, "conflict"},
		{"/users/ines/link", "", 201, "password?token="},
		{"/users/ines/role", `{"role":"operator"}`, 200, `"role":"operator"`},
		{"/users/ines/role", `{"role":"operator"}`, 409, "already"},
		{"/users/ines/disable", "", 200, `"state":"disabled"`},
		{"/users/ines/link", "", 409, "disabled"},
		{"/users/ines/enable", "", 200, `"state":"invited"`},
		{"/users/ines/signout", "", 200, `"sessions":0`},
		{"/users/ines/delete", "", 409, "needs-confirmation"},
		{"/users/ines/delete", `{"confirm":true}`, 204, ""},
		{"/users/ines/enable", "", 404, "not-found"},
		{"/users/adam/disable", "", 403, "your own user"},
		{"/users/adam/role", `{"role":"viewer"}`, 403, "your own user"},
	} {
		if a := b.ask(t, adam, "POST", c.path, c.body); a.status != c.status || !strings.Contains(a.text, c.says) {
			t.Errorf("%s %s is answered %d %s", c.path, c.body, a.status, a.text)
		}
	}
	list := read[api.PageOf[api.User]](t, b.ask(t, adam, "GET", "/users", ""), http.StatusOK)
	if len(list.Items) != 3 || list.Items[0].Name != "adam" || list.Items[0].State != "active" {
		t.Errorf("the users are %+v", list)
	}
	limited := b.token(t, "adam", deadletter.TokenInput{
		Name: "cx", Role: deadletter.Admin, Sources: []string{"cxone"},
	})
	for _, secret := range []string{limited, b.tokens["olga"]} {
		for _, path := range []string{"/users", "/users/vera", "/configuration", "/tokens?machines=true"} {
			if a := b.ask(t, secret, "GET", path, ""); a.status != http.StatusForbidden {
				t.Errorf("%s is answered %d %s", path, a.status, a.text)
			}
		}
	}
}

// A rule is previewed, made in shadow, changed for the version that was read, switched on and put away.
func TestRuleIsMadeAndSwitched(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", "genesys")
	olga := b.tokens["olga"]
	spec := `{"name":"archive tests","source":"genesys","code":"422","action":"archive","reason":"a test","perHour":10}`
	preview := read[api.RulePreview](t, b.ask(t, olga, "POST", "/rules/preview", spec), http.StatusOK)
	if preview.Messages != 1 || len(preview.Examples) != 1 {
		t.Errorf("the preview is %+v", preview)
	}
	made := b.ask(t, olga, "POST", "/rules", spec)
	r := read[api.Rule](t, made, http.StatusCreated)
	if r.State != "shadow" || r.By != "ci of olga" || r.Action != "archive" || made.header.Get("ETag") != `"1"` {
		t.Fatalf("the rule is %+v", r)
	}
	at := fmt.Sprintf("/rules/%d", r.ID)
	replay := fmt.Sprintf(`{"name":"again","cause":%q,"action":"edit","reason":"fixed","recipe":{"kind":"merge",`+
		`"text":"{\"a\":1}"},"afterMinutes":10,"times":1,"perHour":10}`, m.Fingerprint)
	changed := read[api.Rule](t, b.ask(t, olga, "POST", at, replay, "If-Match", `"1"`), http.StatusOK)
	if changed.Version != 2 || changed.Cause != m.Fingerprint || changed.Source != "genesys" ||
		changed.Recipe == nil || changed.Recipe.Text != `{"a":1}` || changed.AfterMinutes != 10 || changed.MaxFailed != 50 {
		t.Errorf("it is %+v", changed)
	}
	if a := b.ask(t, olga, "POST", at+"/state", `{"state":"on"}`, "If-Match", `"1"`); a.status != http.StatusConflict {
		t.Errorf("switching an older version is answered %d %s", a.status, a.text)
	}
	if on := read[api.Rule](t, b.ask(t, olga, "POST", at+"/state", `{"state":"on"}`), 200); on.State != "on" {
		t.Errorf("it is %+v", on)
	}
	if a := b.ask(t, b.tokens["vera"], "POST", at+"/state", `{"state":"off"}`); a.status != http.StatusForbidden {
		t.Errorf("a viewer switches it: %d", a.status)
	}
	for _, path := range []string{at, at + "/actions"} {
		if a := b.ask(t, b.tokens["limited"], "GET", path, ""); a.status != http.StatusNotFound {
			t.Errorf("%s is answered %d %s", path, a.status, a.text)
		}
	}
	if list := read[api.PageOf[api.Rule]](
		t,
		b.ask(t, b.tokens["limited"], "GET", "/rules", ""),
		200,
	); len(list.Items) != 0 {
		t.Errorf("a limited token lists %+v", list)
	}
	if err := b.auth.Disable(t.Context(), deadletter.System(), "olga"); err != nil {
		t.Fatal(err)
	}
	off := read[api.Rule](t, b.ask(t, b.tokens["adam"], "GET", at, ""), http.StatusOK)
	health := read[api.Health](t, b.ask(t, b.tokens["adam"], "GET", "/health", ""), http.StatusOK)
	if off.State != "off" || !strings.Contains(off.Why, "olga is disabled") || health.OnTheirWay != 2 {
		t.Errorf("of a disabled user it is %+v", off)
	}
	kinds := map[string]int{}
	for _, p := range health.Problems {
		kinds[p.Kind]++
	}
	for _, kind := range []string{"rule", "breaker", "reconciliation", "configuration"} {
		if kinds[kind] != 1 || health.Status != "attention" {
			t.Errorf("the health is %+v, without %s", health, kind)
		}
	}
}

// Sources, queues, the ledger and the configuration are read as on pages.
func TestProgramIsRead(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", "genesys")
	olga, limited := b.tokens["olga"], b.tokens["limited"]
	source := read[api.SourceView](t, b.ask(t, olga, "GET", "/sources/genesys", ""), http.StatusOK)
	if source.Open["failed"] != 1 || source.Failed != 1 {
		t.Errorf("the source is %+v", source)
	}
	queues := read[api.PageOf[api.Queue]](t, b.ask(t, olga, "GET", "/queues", ""), http.StatusOK)
	if len(queues.Items) != 1 || queues.Items[0].Visible != 1 || !queues.Items[0].Listable {
		t.Errorf("the queues are %+v", queues)
	}
	waiting := read[api.PageOf[api.QueuedMessage]](t, b.ask(t, olga, "GET", "/queues/dlq/messages", ""), http.StatusOK)
	if len(waiting.Items) != 1 || waiting.Items[0].ID != "q-1" || waiting.Items[0].Reason != "refused" {
		t.Errorf("the queue has %+v", waiting)
	}
	found := read[api.Reconciliation](t, b.ask(t, olga, "GET", "/reconciliation", ""), http.StatusOK)
	if len(found.Imbalances) != 2 || found.Imbalances[0].State != "wrong" || found.CheckedAt == nil {
		t.Errorf("the reconciliation is %+v", found)
	}
	own := read[api.Reconciliation](t, b.ask(t, limited, "GET", "/reconciliation?source=cxone", ""), http.StatusOK)
	if len(own.Imbalances) != 1 || own.Imbalances[0].Source != "cxone" {
		t.Errorf("of its source it is %+v", own)
	}
	note := `{"hour":"2026-03-02T08:00:00Z","source":%q,"stage":"messages","kind":"missing","amount":%d,"note":"a test"}`
	for _, c := range []struct {
		secret, body string
		status       int
	}{
		{b.tokens["vera"], fmt.Sprintf(note, "genesys", 1), http.StatusForbidden},
		{limited, fmt.Sprintf(note, "genesys", 1), http.StatusNotFound},
		{olga, fmt.Sprintf(note, "genesys", 7), http.StatusConflict},
		{olga, fmt.Sprintf(note, "genesys", 1), http.StatusNoContent},
		{olga, fmt.Sprintf(note, "genesys", 1), http.StatusConflict},
	} {
		if a := b.ask(t, c.secret, "POST", "/reconciliation/acknowledge", c.body); a.status != c.status {
			t.Errorf("%s is answered %d %s", c.body, a.status, a.text)
		}
	}
	configured := read[api.Configuration](t, b.ask(t, b.tokens["adam"], "GET", "/configuration", ""), http.StatusOK)
	if len(configured.Items) != 1 || configured.Items[0].Value != "env:S •••" || len(configured.Fault) != 1 {
		t.Errorf("the configuration is %+v", configured)
	}
}

// A job that a token started stops when the token is revoked through the API.
func TestRevokedTokenStopsItsJob(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", "genesys")
	robot := b.ask(t, b.tokens["adam"], "POST", "/tokens", `{"name":"robot","role":"operator","machine":true}`)
	machine := read[api.NewToken](t, robot, http.StatusCreated)
	drafted := b.ask(t, machine.Secret, "POST", "/jobs", `{"action":"replay","status":"failed"}`)
	path := strings.TrimPrefix(drafted.header.Get("Location"), api.Path)
	b.ask(t, machine.Secret, "POST", path+"/start", `{}`)
	b.ask(t, b.tokens["adam"], "POST", fmt.Sprintf("/tokens/%d/revoke", machine.ID), "")
	j := read[api.Job](t, b.ask(t, b.tokens["adam"], "GET", path, ""), http.StatusOK)
	if j.State != "paused" || !strings.Contains(j.PauseReason, "robot was revoked") {
		t.Errorf("the job is %+v", j)
	}
}

// A refused order, and a token that is not known, stand in the audit trail with the operation.
func TestRefusalsAreRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", "genesys")
	b.ask(t, b.tokens["vera"], "POST", "/messages/a-1/archive", `{"reason":"test"}`)
	b.ask(t, b.tokens["vera"], "GET", "/users", "")
	b.ask(t, "dqd_nonsense", "GET", "/me", "")
	b.ask(t, "", "GET", "/me", "")
	var got []string
	for _, action := range []string{"access.denied", "token.refused"} {
		events, err := b.store.Events(t.Context(), store.EventQuery{
			EventFilter: store.EventFilter{Action: action}, Limit: 10,
		})
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events.Items {
			got = append(got, strings.Join([]string{e.Action, e.By, e.TargetKind, e.Target, string(e.After)}, " "))
		}
	}
	want := []string{
		`access.denied ci of vera user ci of vera {"request":"GET /api/v1/users"}`,
		`access.denied ci of vera message a-1 {"request":"POST /api/v1/messages/{id}/archive"}`,
		`token.refused  user  {"request":"GET /api/v1/me"}`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("the audit trail has\n%s", strings.Join(got, "\n"))
	}
}
