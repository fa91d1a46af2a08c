package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
)

// shards puts messages of two causes into the store, two of each. It returns their fingerprints.
func (b bundle) shards(t *testing.T) (blue, red string) {
	t.Helper()
	for i := range 2 {
		b.receive(t, fmt.Sprintf("b-%d", i), failing("genesys", fmt.Sprintf("shard blue is down, tenant %d", i+1), 422))
		b.receive(t, fmt.Sprintf("r-%d", i), failing("genesys", fmt.Sprintf("shard red is down, tenant %d", i+1), 422))
	}
	return b.fingerprint(t, "b-0"), b.fingerprint(t, "r-0")
}

func TestCausesAreMergedAndComeBack(t *testing.T) {
	t.Parallel()
	b := setup(t)
	blue, red := b.shards(t)
	p := b.member(t, "olga", deadletter.Operator)
	a := p.get("/causes/merge?cause=" + blue + "&cause=" + red)
	button := a.says(`form[action="/causes/merge"][method=post] button`)
	if a.status != http.StatusOK || button != "Merge 2 causes" {
		t.Fatalf("%d, the button says %q", a.status, button)
	}
	if a := p.post("/causes/merge", url.Values{"cause": {blue, red}, "into": {blue}}); a.status != http.StatusSeeOther {
		t.Fatalf("merging answers %d", a.status)
	}
	if got := p.get("/causes").titles(); got != "422 shard blue is down, tenant 1" {
		t.Errorf("after the merge: %s", got)
	}
	a = p.get("/causes/grouping")
	undo, ok := a.doc().Find(".group-rules form").Attr("action")
	if !ok || !strings.Contains(a.says(".group-rules tbody"), "shard red is down") {
		t.Fatalf("the merge is not listed: %s", a.says(".group-rules"))
	}
	if a := p.post(undo, url.Values{}); a.status != http.StatusSeeOther {
		t.Fatalf("undo answers %d", a.status)
	}
	if got := p.get("/causes").titles(); strings.Count(got, "shard") != 2 {
		t.Errorf("after undo: %s", got)
	}
	got := p.get("/causes/grouping").says(".group-rules .faint:last-child")
	if !strings.Contains(got, "undone by olga") {
		t.Errorf("the list says %q", got)
	}
}

func TestCauseIsSplitByWords(t *testing.T) {
	t.Parallel()
	b := setup(t)
	blue, _ := b.shards(t)
	p := b.member(t, "olga", deadletter.Operator)
	a := p.get("/causes/split?cause=" + blue)
	if got := a.says(".split-examples"); !strings.Contains(got, "tenant 2") {
		t.Errorf("examples: %q", got)
	}
	form := url.Values{"cause": {blue}, "text": {"Tenant 2"}, "title": {"Tenant two"}, "try": {"yes"}}
	if got := p.post("/causes/split", form).says(".group-trial p"); got !=
		"Splits 1 cause, from which 1 message would move. Looked at 2 stored messages." {
		t.Errorf("the trial says %q", got)
	}
	form.Del("try")
	if a := p.post("/causes/split", form); a.status != http.StatusSeeOther {
		t.Fatalf("splitting answers %d", a.status)
	}
	if got := p.get("/causes").titles(); !strings.Contains(got, "Tenant two") {
		t.Errorf("after the split: %s", got)
	}
	for text, want := range map[string]string{
		"tenant 1": "Every message of this cause", "nothing like it": "No message of this cause", "": "empty",
	} {
		a := p.post("/causes/split", url.Values{"cause": {blue}, "text": {text}})
		if got := a.says("main"); a.status < 400 || !strings.Contains(got, want) {
			t.Errorf("%q: %d, %q", text, a.status, got)
		}
	}
}

func TestRuleIsTriedBeforeItIsSaved(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.shards(t)
	p := b.member(t, "root", deadletter.Admin)
	form := url.Values{
		"source": {"genesys"}, "kind": {"join"}, "pattern": {`shard (\w+)`}, "title": {"A shard is down"},
		"try": {"yes"},
	}
	if got := p.post("/causes/grouping", form).says(".group-trial p"); got !=
		"Joins 2 causes, 4 messages. Looked at 4 stored messages." {
		t.Errorf("the trial says %q", got)
	}
	each := url.Values{
		"source": {
			"genesys",
		},
		"kind":    {"join"},
		"pattern": {`shard (\w+)`},
		"title":   {"Shard $1 is down"},
		"try":     {"yes"},
	}
	if got := p.post("/causes/grouping", each).says(".group-trial p"); !strings.HasPrefix(
		got, "Joins 2 causes, 4 messages, to 2. Looked") {
		t.Errorf("the trial of a rule with a cause for each value says %q", got)
	}
	if got := p.get("/causes").titles(); strings.Contains(got, "A shard") {
		t.Errorf("a trial changed something: %s", got)
	}
	form.Del("try")
	if a := p.post("/causes/grouping", form); a.status != http.StatusSeeOther {
		t.Fatalf("saving answers %d", a.status)
	}
	if got := p.get("/causes").titles(); got != "A shard is down" {
		t.Errorf("with the rule: %s", got)
	}
	form.Set("pattern", "shard (")
	a := p.post("/causes/grouping", form)
	if a.status != http.StatusUnprocessableEntity && a.status != http.StatusBadRequest ||
		!strings.Contains(a.says(".group-form"), "close what you open") {
		t.Errorf("a bad pattern: %d, %q", a.status, a.says(".group-form"))
	}
	olga := b.member(t, "olga", deadletter.Operator)
	if a := olga.post("/causes/grouping", form); a.status != http.StatusForbidden {
		t.Errorf("an operator's rule answers %d", a.status)
	}
}

// The list of causes and the overview say the same of how far stored messages are grouped anew.
func TestPagesSayHowFarMessagesAreGroupedAnew(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 270 { // more than one transaction groups anew; nothing here runs the others
		b.receive(t, fmt.Sprintf("s-%d", i), failing("genesys", "shard blue is down", 422))
	}
	p := b.member(t, "root", deadletter.Admin)
	if a := p.get("/overview"); a.count(".regrouping") != 0 {
		t.Errorf("before, the overview says %q", a.says(".regrouping"))
	}
	rule := url.Values{"source": {"genesys"}, "kind": {"join"}, "pattern": {`shard \w+`}, "title": {"A shard"}}
	if a := p.post("/causes/grouping", rule); a.status != http.StatusSeeOther {
		t.Fatalf("it answers %d: %s", a.status, a.says("main"))
	}
	causes, overview := p.get("/causes").says(".regrouping"), p.get("/overview").says(".regrouping")
	if !strings.Contains(causes, "of 270 messages are grouped anew") || overview != causes {
		t.Errorf("the causes say %q, the overview %q", causes, overview)
	}
}
