package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/api"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
)

// Masked values are shown to the token that gave a reason, to no other of the same user, and not for longer than five
// minutes.
func TestUnmaskedValuesAreShownToTheirTokenAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	c := desktest.Failure("a-1", 422, b.clock.Now())
	c.Body = []byte(`{"id":7,"password":"hunter2"}`)
	c.Headers = deadletter.Headers{"Authorization": {"Bearer s3cr3t"}, "Content-Type": {"application/json"}}
	desktest.Receive(t, b.store, c)
	adam := b.tokens["adam"]
	other := b.token(t, "adam", deadletter.TokenInput{Name: "ci", Role: deadletter.Admin})
	shown := func(secret string) (body, header bool) {
		t.Helper()
		wire := b.ask(t, secret, "GET", "/messages/a-1/revisions/0/body", "")
		list := b.ask(t, secret, "GET", "/messages/a-1/revisions", "")
		if wire.status != http.StatusOK || list.status != http.StatusOK {
			t.Fatalf("answered %d %s, %d %s", wire.status, wire.text, list.status, list.text)
		}
		return strings.Contains(wire.text, "hunter2"), strings.Contains(list.text, "s3cr3t")
	}
	expect := func(when, secret string, wantBody, wantHeader bool) {
		t.Helper()
		if body, header := shown(secret); body != wantBody || header != wantHeader {
			t.Errorf("%s: the body is shown: %t, the header: %t", when, body, header)
		}
	}
	expect("at first", adam, false, false)
	for name, want := range map[string]struct {
		secret, body string
		status       int
	}{
		"an operator":      {b.tokens["olga"], `{"reason":"look"}`, http.StatusForbidden},
		"without a reason": {adam, `{"reason":" "}`, http.StatusUnprocessableEntity},
		"with a reason":    {adam, `{"value":"password","reason":"ticket 7"}`, http.StatusOK},
	} {
		if a := b.ask(t, want.secret, "POST", "/messages/a-1/unmask", want.body); a.status != want.status {
			t.Errorf("%s: answered %d %s", name, a.status, a.text)
		}
	}
	expect("its field was unmasked", adam, true, false)
	expect("for another token", other, false, false)
	if a := b.ask(t, adam, "POST", "/messages/a-1/mask", ""); a.status != http.StatusNoContent {
		t.Errorf("masking it again is answered %d %s", a.status, a.text)
	}
	expect("masked again", adam, false, false)
	b.ask(t, adam, "POST", "/messages/a-1/unmask", `{"reason":"ticket 7"}`)
	expect("everything was unmasked", adam, true, true)
	b.clock.Add(deadletter.UnmaskFor)
	expect("after its time", adam, false, false)
}

// A job that edits is drafted, previewed, tried and started with its recipe, which is then saved, found, changed and
// put away.
func TestRecipeIsTriedSavedAndUsed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	olga, cause := b.tokens["olga"], ""
	for i := range 2 {
		cause = b.receive(t, fmt.Sprintf("a-%d", i), "genesys").Fingerprint
	}
	draft := b.ask(t, olga, "POST", "/jobs", `{"action":"edit","status":"failed"}`)
	path := strings.TrimPrefix(draft.header.Get("Location"), api.Path)
	recipe := `{"recipe":{"kind":"merge","text":"{\"fixed\":true}"}}`
	previews := read[api.PageOf[api.Preview]](t, b.ask(t, olga, "POST", path+"/preview", recipe), http.StatusOK)
	if len(previews.Items) != 2 || !previews.Items[0].Changes || !strings.Contains(previews.Items[0].After, "fixed") ||
		strings.Contains(previews.Items[0].Before, "fixed") {
		t.Errorf("the previews are %+v", previews)
	}
	tried := b.ask(t, olga, "POST", path+"/dry-run", recipe)
	if run := read[api.DryRun](t, tried, http.StatusAccepted); run.Messages != 2 || run.By != "ci of olga" ||
		tried.header.Get("Location") != api.Path+path+"/dry-run" {
		t.Errorf("the dry run is %+v at %q", run, tried.header.Get("Location"))
	}
	scope := read[api.JobScope](t, b.ask(t, olga, "GET", path+"/scope", ""), http.StatusOK)
	if len(scope.Targets) != 1 || scope.Targets[0].Messages != 2 || len(scope.Causes) != 1 || scope.AsksCount {
		t.Errorf("its scope is %+v", scope)
	}
	start := `{"reason":"adds a field","saveAs":"add a field",` + recipe[1:]
	if j := read[api.Job](t, b.ask(t, olga, "POST", path+"/start", start), http.StatusAccepted); j.State != "running" {
		t.Errorf("the job is %+v", j)
	}
	list := read[api.PageOf[api.Recipe]](t, b.ask(t, olga, "GET", "/recipes?cause="+cause, ""), http.StatusOK)
	if len(list.Items) != 1 || list.Items[0].Name != "add a field" || list.Items[0].Record.Jobs != 1 {
		t.Fatalf("the recipes are %+v", list)
	}
	saved := fmt.Sprintf("/recipes/%d", list.Items[0].ID)
	next := `{"base":1,"kind":"merge","text":"{\"fixed\":1}"}`
	if r := read[api.Recipe](t, b.ask(t, olga, "POST", saved+"/versions", next), 201); r.Latest.Number != 2 {
		t.Errorf("the recipe is %+v", r)
	}
	if a := b.ask(t, olga, "POST", saved+"/versions", next); a.status != http.StatusConflict {
		t.Errorf("a version of an older one is answered %d %s", a.status, a.text)
	}
	versions := read[api.PageOf[api.RecipeVersion]](t, b.ask(t, olga, "GET", saved+"/versions", ""), http.StatusOK)
	if len(versions.Items) != 2 || versions.Items[1].Text != `{"fixed":true}` {
		t.Errorf("its versions are %+v", versions)
	}
	messages := read[api.PageOf[api.JobMessage]](t, b.ask(t, olga, "GET", path+"/messages?limit=1", ""), http.StatusOK)
	if len(messages.Items) != 1 || messages.Next == "" || messages.Items[0].Result != "pending" {
		t.Errorf("the messages of the job are %+v", messages)
	}
	rest := b.ask(t, olga, "GET", path+"/messages?cursor="+messages.Next, "")
	if more := read[api.PageOf[api.JobMessage]](t, rest, http.StatusOK); len(more.Items) != 1 ||
		more.Items[0].ID == messages.Items[0].ID {
		t.Errorf("the next ones are %+v", more)
	}

	again := b.ask(t, olga, "POST", "/jobs", `{"action":"edit","status":"failed"}`)
	path = strings.TrimPrefix(again.header.Get("Location"), api.Path)
	use := fmt.Sprintf(`{"reason":"again","saved":{"id":%d,"version":2}}`, list.Items[0].ID)
	if j := read[api.Job](t, b.ask(t, olga, "POST", path+"/start", use), http.StatusAccepted); j.State != "running" {
		t.Errorf("the job with the saved recipe is %+v", j)
	}
	if a := b.ask(t, olga, "POST", saved+"/archive", ""); a.status != http.StatusOK ||
		!strings.Contains(a.text, `"archivedBy":"ci of olga"`) {
		t.Errorf("the recipe is put away: %d %s", a.status, a.text)
	}
}

// Causes are merged, split and brought back, with a trial before.
func TestCausesAreMergedAndSplit(t *testing.T) {
	t.Parallel()
	b := setup(t)
	causes := map[string]string{}
	for id, text := range map[string]string{"a-1": "no field customer", "a-2": "no field agent", "a-3": "bad skill north"} {
		c := desktest.Failure(id, 422, b.clock.Now())
		c.Reason, c.FirstAttempt.Error = text, text
		causes[id] = desktest.Receive(t, b.store, c).Fingerprint
	}
	olga := b.tokens["olga"]
	body := fmt.Sprintf(`{"causes":[%q],"into":%q}`, causes["a-2"], causes["a-1"])
	merged := b.ask(t, olga, "POST", "/causes/merge", body)
	if c := read[api.Cause](t, merged, http.StatusOK); c.ID != causes["a-1"] {
		t.Errorf("the cause is %+v", c)
	}
	split := `{"text":"customer","title":"No customer"}`
	tried := b.ask(t, olga, "POST", "/causes/"+causes["a-1"]+"/split/try", split)
	if trial := read[api.GroupTrial](t, tried, http.StatusOK); trial.Looked == 0 {
		t.Errorf("the trial is %+v", trial)
	}
	rules := read[api.PageOf[api.GroupRule]](t, b.ask(t, olga, "GET", "/group-rules", ""), http.StatusOK)
	if len(rules.Items) != 1 || rules.Items[0].Kind != "merge" || rules.Items[0].By != "ci of olga" {
		t.Fatalf("the rules are %+v", rules)
	}
	undo := fmt.Sprintf("/group-rules/%d/undo", rules.Items[0].ID)
	if a := b.ask(t, olga, "POST", undo, ""); a.status != http.StatusNoContent {
		t.Errorf("undo is answered %d %s", a.status, a.text)
	}
	if a := b.ask(t, olga, "POST", undo, ""); a.status != http.StatusConflict {
		t.Errorf("the second undo is answered %d %s", a.status, a.text)
	}
	join := `{"kind":"join","source":"genesys","pattern":"no field .*","title":"No field"}`
	for who, status := range map[string]int{"olga": http.StatusForbidden, "adam": http.StatusNoContent} {
		if a := b.ask(t, b.tokens[who], "POST", "/group-rules", join); a.status != status {
			t.Errorf("a rule by %s is answered %d %s", who, a.status, a.text)
		}
	}
	b.clock.Add(time.Second)
	note := b.ask(t, olga, "POST", "/causes/"+causes["a-3"]+"/notes", `{"text":"look at north"}`)
	notes := read[api.PageOf[api.Note]](t, b.ask(t, olga, "GET", "/causes/"+causes["a-3"]+"/notes", ""), http.StatusOK)
	if note.status != http.StatusNoContent || len(notes.Items) != 1 {
		t.Fatalf("the note is answered %d, the notes are %+v", note.status, notes)
	}
	at := fmt.Sprintf("/causes/%s/notes/%d", causes["a-3"], notes.Items[0].ID)
	for who, status := range map[string]int{"olga": http.StatusNoContent, "adam": http.StatusForbidden} {
		if a := b.ask(t, b.tokens[who], "POST", at, `{"text":"look at `+who+`"}`); a.status != status {
			t.Errorf("%s edits the note of another: %d %s", who, a.status, a.text)
		}
	}
}
