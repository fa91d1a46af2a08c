package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// claude is an assistant with a token of olga's.
var claude = deadletter.Actor{Kind: deadletter.ActorToken, Name: "claude of olga", Role: deadletter.Operator}

// suggestion has an assistant suggest a note about the cause of a message.
func (b bundle) suggestion(t *testing.T, message deadletter.ID) deadletter.Suggestion {
	t.Helper()
	s, err := b.desk.Suggest(t.Context(), claude, deadletter.Suggestion{
		Kind: deadletter.SuggestNote, Cause: b.fingerprint(t, message), Note: "**id** is gone since 10:12",
		Why: "All bodies lack it.",
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSuggestionIsShownWherePeopleLookAndStarted(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cause := "/causes/" + b.receive(t, "a-1").Fingerprint
	b.suggestion(t, "a-1")
	p := b.member(t, "ben", deadletter.Operator)
	for _, path := range []string{cause, "/jobs", "/overview"} {
		if got := p.get(path); got.count(".suggested-by a[href='/suggestions/1']") != 1 {
			t.Errorf("%s says of it %q", path, got.says(".suggested-by"))
		}
	}
	if got := p.get("/suggestions"); !strings.Contains(got.says("main"), "All bodies lack it.") ||
		!strings.Contains(got.says("main"), "claude of olga") {
		t.Errorf("the list says %q", got.says("main"))
	}
	shown := p.get("/suggestions/1")
	for _, want := range []string{
		"Suggested by an assistant", "claude of olga", "**id** is gone since 10:12", "ben, if you",
	} {
		if !strings.Contains(shown.says("main"), want) {
			t.Errorf("its page does not say %q: %s", want, shown.says("main"))
		}
	}
	if got := p.post("/suggestions/1/start", order(0)); got.header.Get("Location") != cause {
		t.Fatalf("it answers %d, to %q: %s", got.status, got.header.Get("Location"), got.says("main"))
	}
	if got := p.get(cause); !strings.Contains(got.says("#cause-notes"), "ben") || got.count(".suggested-by") != 0 {
		t.Errorf("the cause says %q", got.says("#cause-notes"))
	}
	if got := p.post("/suggestions/1/start", order(0)); got.status != http.StatusConflict ||
		!strings.Contains(got.says("main"), "started by ben") || got.count("form.suggestion-orders") != 0 {
		t.Errorf("started twice it answers %d: %s", got.status, got.says("main"))
	}
	if got := p.get("/audit?action=suggestion."); !strings.Contains(got.says("main"), "suggested by claude of olga") {
		t.Errorf("the trail says %q", got.says("main"))
	}
}

func TestSuggestedMuteIsRefusedForACauseThatHasChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	cause := b.receive(t, "a-1").Fingerprint
	_, err := b.desk.Suggest(t.Context(), claude, deadletter.Suggestion{
		Kind: deadletter.SuggestMute, Cause: cause, Mute: deadletter.Mute{Count: 5}, Why: "It is known.",
	})
	if err != nil {
		t.Fatal(err)
	}
	p := b.member(t, "ben", deadletter.Operator)
	if got := p.get("/suggestions/1").says("main"); !strings.Contains(got, "until 5 more messages fail for it") {
		t.Errorf("its page says %q", got)
	}
	by := deadletter.User("olga", deadletter.Operator, "")
	if _, err := b.desk.Claim(t.Context(), by, desk.CauseRef{Fingerprint: cause}, time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := p.post("/suggestions/1/start", order(0)); got.status != http.StatusConflict ||
		!strings.Contains(got.says("main"), "claimed by olga") {
		t.Errorf("it answers %d: %s", got.status, got.says("main"))
	}
	if got := p.post("/suggestions/1/dismiss", order(0)); got.status != http.StatusSeeOther {
		t.Errorf("dismissed it answers %d", got.status)
	}
}

func TestSuggestedDraftSaysWhoMadeItAndIsStartedByAnyOperator(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1")
	suggest := func() string {
		t.Helper()
		s, _, err := b.desk.SuggestJob(t.Context(), claude, desk.JobSuggestion{
			Action: deadletter.ActEdit, Of: desk.Choice{IDs: []string{string(m.ID)}}, SaveAs: "add id",
			Recipe: deadletter.Recipe{Kind: deadletter.MergePatch, Text: `{"id":4711}`}, Why: "The id is missing.",
		})
		if err != nil {
			t.Fatal(err)
		}
		return "/jobs/" + s.Job.String()
	}
	job := suggest()
	p := b.member(t, "ben", deadletter.Operator)
	draft := p.get(job)
	if got := draft.says(".job-suggested"); !strings.Contains(got, "claude of olga") ||
		!strings.Contains(got, "The id is missing.") {
		t.Errorf("the draft says %q", got)
	}
	if got := draft.doc().Find("input[name='save-as']").AttrOr("value", ""); got != "add id" {
		t.Errorf("the name of its recipe is %q", got)
	}
	if got := draft.says("main"); !strings.Contains(draft.text, "4711") {
		t.Errorf("its recipe is not shown: %s", got)
	}
	if got := p.get("/suggestions"); got.count(".suggestion a[href='"+job+"']") != 1 {
		t.Errorf("the list says %q", got.says("main"))
	}
	start := form("patch", `{"id":4711}`, "kind", "merge", "reason", "the id was missing")
	if got := p.post(job+"/start", start); got.status != http.StatusSeeOther {
		t.Fatalf("started it answers %d: %s", got.status, got.says("main"))
	}
	dismissed := suggest()
	if got := p.post("/suggestions/2/dismiss", form()); got.status != http.StatusSeeOther {
		t.Fatalf("dismissed it answers %d: %s", got.status, got.says("main"))
	}
	if got := p.get(dismissed); !strings.Contains(got.says("main"), "dismissed by ben") ||
		got.count("#job-confirm button[type='submit']:not([formaction])") != 0 {
		t.Errorf("a dismissed draft says %q", got.says("main"))
	}
}
