package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/payload"
)

const editFields = "form[action$='/edit']"

func TestEditAndReplay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	fields := p.get("/messages/a-1/edit?back=status%3Dall").fields(editFields)
	fields.Set("body", strings.Replace(fields.Get("body"), `"Ann"`, `"Anne"`, 1))
	fields.Set("reason", "the name was wrong")
	a := p.post("/messages/a-1/edit", fields)
	if a.status != http.StatusSeeOther || a.header.Get("Location") != "/messages/a-1?back=status%3Dall" {
		t.Fatalf("answered %d, to %q: %s", a.status, a.header.Get("Location"), a.says("main"))
	}
	page := p.get(a.header.Get("Location"))
	if page.doc().Find("#message-panel").AttrOr("data-status", "") != "replaying" ||
		!strings.Contains(page.says("#message-history"), "the name was wrong") {
		t.Errorf("the message says %q", page.says("main"))
	}
	got, err := b.store.Revision(t.Context(), "a-1", 1)
	if err != nil {
		t.Fatal(err)
	}
	if want := `{"eventType":"conversation:updated","customer":{"name":"Anne","ssn":"078-05-1120"},` +
		`"n":12345678901234567890}`; compact(string(got.Body)) != want {
		t.Errorf("revision 1 is %s", got.Body)
	}
	original, err := b.store.Revision(t.Context(), "a-1", 0)
	if err != nil || !strings.Contains(string(original.Body), `"Ann"`) {
		t.Errorf("revision 0 is %s, %v", original.Body, err)
	}
	if fmt.Sprint(got.Headers) != fmt.Sprint(original.Headers) {
		t.Errorf("headers nobody edited became %v, they were %v", got.Headers, original.Headers)
	}
	b.finish(t, m.ID, deadletter.ErrorResponse, 422)
	again := p.get("/messages/a-1")
	if again.count("form[action$='/replay'] option") != 2 ||
		again.says("form[action$='/replay'] option[selected]") != "edit 1 by olga" {
		t.Errorf("a replay offers %q", again.says("form[action$='/replay']"))
	}
	if a := p.post("/messages/a-1/replay", order(1, "revision", "0")); a.status != http.StatusSeeOther ||
		desktest.Message(t, b.store, "a-1").Request.Revision != 0 {
		t.Errorf("a replay of the original answers %d", a.status)
	}
}

// compact takes out the white space between values; none of the texts of these tests has any within.
func compact(text string) string { return strings.Join(strings.Fields(text), "") }

// A body that is not changed in the form is stored as it was received, apart from white space without a meaning.
func TestFormKeepsUneditedBytes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "olga", deadletter.Operator)
	for i, body := range []string{
		"\n\nstarts with line feeds", "ends with one\n", "a\r\nb\r\n", "tabs\tand  spaces ",
		"<textarea>&amp;</textarea>", "", "ünïcödé 👩‍👩‍👧‍👦 \u202e", "{\n \"a\" : 1\n}\n",
		"{\"a\":\"line\\nfeed\",\"big\":123456789012345678901234567890,\"b\":1.10}\n", "\ufeffbom",
	} {
		t.Run(fmt.Sprintf("%.20q", body), func(t *testing.T) {
			id := fmt.Sprintf("l-%d", i)
			b.receive(t, id, func(c *deadletter.Capture) {
				c.Body, c.Headers["Content-Type"] = []byte(body), []string{"text/plain"}
				c.Headers["X-Empty"], c.Headers["X-Latin"], c.Headers["X-Spaces"] = []string{
					"",
				}, []string{
					"Gr\xf6\xdfe", "plain",
				}, []string{
					" a  b ",
				}
			})
			fields := p.get("/messages/" + id + "/edit").fields(editFields)
			fields.Set("reason", "nothing but the reason")
			if a := p.post("/messages/"+id+"/edit", fields); a.status != http.StatusSeeOther {
				t.Errorf("%q: answered %d: %s", body, a.status, a.says("main"))
				return
			}
			got, err := b.store.Revision(t.Context(), deadletter.ID(id), 1)
			if err != nil || string(got.Body) != body {
				t.Errorf("%q became %q, %v", body, got.Body, err)
			}
			original, _ := b.store.Revision(t.Context(), deadletter.ID(id), 0)
			if !reflect.DeepEqual(sorted(got.Headers), sorted(original.Headers)) {
				t.Errorf("headers %q became %q", original.Headers, got.Headers)
			}
		})
	}
}

// sorted leaves out the order of values that a form cannot carry.
func sorted(h deadletter.Headers) map[string]map[string]bool {
	set := map[string]map[string]bool{}
	for name, values := range h {
		set[name] = map[string]bool{}
		for _, v := range values {
			set[name][v] = true
		}
	}
	return set
}

func TestHeadersAreEditedButForLockedOnes(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	page := p.get("/messages/a-1/edit")
	for _, name := range []string{"Authorization", "X-Hub-Signature-256", "X-Tenant"} {
		t.Run(name, func(t *testing.T) {
			if page.count("input[disabled][value='"+name+"']") != 1 ||
				page.count("input[name=header-name][value='"+name+"']") != 0 {
				t.Errorf("%s can be edited", name)
			}
		})
	}
	fields := page.fields(editFields)
	if names := strings.Join(fields["header-name"], " "); names != "Content-Type X-Note X-Note   " {
		t.Fatalf("the form has %q", names)
	}
	fields["header-name"] = []string{"Content-Type", "", "X-Note", "x-new", "Authorization", "Host"}
	fields["header-value"] = []string{"application/json", "left out", "c", "1", "Bearer mine", "evil.example"}
	fields.Set("reason", "x")
	if a := p.post("/messages/a-1/edit", fields); a.status != http.StatusSeeOther {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	got, err := b.store.Revision(t.Context(), "a-1", 1)
	want := deadletter.Headers{
		"Content-Type": {"application/json"}, "X-Note": {"c"}, "X-New": {"1"}, "Authorization": {"Bearer s3cret"},
		"X-Hub-Signature-256": {"sha256=s3cret"}, "X-Tenant": {"tenant-s3cret"},
	}
	if err != nil || fmt.Sprint(got.Headers) != fmt.Sprint(want) {
		t.Errorf("headers %v, %v", got.Headers, err)
	}
}

func TestRefusedEditKeepsItsInput(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	opened := p.get("/messages/a-1/edit").fields(editFields)
	for name, test := range map[string]struct {
		change func(url.Values)
		fault  string
		says   string
	}{
		"bad JSON":  {func(v url.Values) { v.Set("body", "{\r\n  \"id\": }") }, "#body-fault", "line 2, column 9"},
		"no reason": {func(v url.Values) { v.Set("reason", " ") }, "#reason-fault", "Say why"},
		"bad header": {
			func(v url.Values) { v.Add("header-name", "X Y"); v.Add("header-value", "1") },
			"#headers-fault", "X Y",
		},
		"moved mask": {
			func(v url.Values) { v.Set("body", `{"customer":{"name":"•••"}}`) }, "#body-fault",
			"cannot be put back",
		},
		"long reason": {
			func(v url.Values) { v.Set("reason", strings.Repeat("ä", 1001)) }, "main .notice",
			"1001 characters",
		},
		"control signs": {
			func(v url.Values) { v.Add("header-name", "X-Y"); v.Add("header-value", "a\nb") },
			"#headers-fault", "control character",
		},
	} {
		t.Run(name, func(t *testing.T) {
			fields := url.Values{}
			for key, values := range opened {
				fields[key] = append([]string(nil), values...)
			}
			fields.Set("reason", "my reason")
			test.change(fields)
			a := p.post("/messages/a-1/edit", fields)
			if a.status != http.StatusUnprocessableEntity || a.count(test.fault) != 1 ||
				!strings.Contains(a.says(test.fault), test.says) {
				t.Errorf("%s: answered %d: %s", name, a.status, a.says("main"))
				return
			}
			again := a.fields(editFields)
			if again.Get("body") != fields.Get("body") || again.Get("reason") != fields.Get("reason") ||
				!strings.HasPrefix(
					strings.Join(again["header-name"], ","),
					strings.Trim(strings.Join(fields["header-name"], ","), ",")[:12],
				) {
				t.Errorf("%s: the form comes back with %v", name, again)
			}
		})
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Version != 0 || got.Revision != 0 {
		t.Errorf("message %+v", got)
	}
}

func TestStaleEditKeepsItsInput(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	olga, bert := b.member(t, "olga", deadletter.Operator), b.member(t, "bert", deadletter.Operator)
	fields := bert.get("/messages/a-1/edit").fields(editFields)
	fields.Set("body", `{"mine":true}`)
	fields.Set("reason", "my reason")
	olga.post("/messages/a-1/archive", order(0, "reason", "known fault"))
	a := bert.post("/messages/a-1/edit", fields)
	if a.status != http.StatusConflict || !strings.Contains(a.says("main"), "Already archived by olga") ||
		a.count("main .notice a[href^='/messages/a-1']") != 1 {
		t.Fatalf("answered %d: %s", a.status, a.says("main"))
	}
	again := a.fields(editFields)
	if again.Get("body") != `{"mine":true}` || again.Get("reason") != "my reason" || again.Get("version") != "1" {
		t.Errorf("the form comes back with %v", again)
	}
	olga.post("/messages/a-1/restore", order(1))
	if a := bert.post("/messages/a-1/edit", again); a.status != http.StatusConflict {
		t.Errorf("a page that is stale again answers %d", a.status)
	}
	again.Set("version", "2")
	if a := bert.post("/messages/a-1/edit", again); a.status != http.StatusSeeOther {
		t.Errorf("whoever has seen the present state is answered %d", a.status)
	}
}

func TestBodiesThatAFormWouldChangeAreNotEditable(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "olga", deadletter.Operator)
	for id, body := range map[string]string{
		"binary": "\x89PNG\xff", "nul": "a\x00b", "old-mac": "a\rb",
		"large": strings.Repeat("x", payload.MaxEdit+1),
	} {
		t.Run(id, func(t *testing.T) {
			b.receive(t, id, func(c *deadletter.Capture) { c.Body = []byte(body) })
			a := p.get("/messages/" + id + "/edit")
			if a.count("textarea") != 0 || !strings.Contains(a.says("main"), "This message cannot be edited") {
				t.Errorf("%s: answered %d: %.200s", id, a.status, a.says("main"))
			}
			if got := p.get("/messages/" + id); got.count("a[href*='/edit']") != 0 || got.count(".denied") == 0 {
				t.Errorf("%s: the message offers an edit", id)
			}
		})
	}
}

func TestEditOfAnUnknownOutcomeNeedsConfirmation(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", func(c *deadletter.Capture) {
		c.FirstAttempt.Outcome, c.FirstAttempt.StatusCode, c.Foreign = deadletter.Unknown, 0, true
	})
	p := b.member(t, "olga", deadletter.Operator)
	fields := p.get("/messages/a-1/edit").fields(editFields)
	fields.Set("reason", "the name was wrong")
	a := p.post("/messages/a-1/edit", fields)
	if a.status != http.StatusPreconditionRequired || a.count("input[name=confirmed][aria-invalid=true]") != 1 {
		t.Fatalf("without a confirmation: %d %s", a.status, a.says("main"))
	}
	fields = a.fields(editFields)
	if fields.Get("reason") != "the name was wrong" {
		t.Errorf("the form comes back with %v", fields)
	}
	fields.Set("confirmed", "yes")
	if a := p.post("/messages/a-1/edit", fields); a.status != http.StatusSeeOther {
		t.Errorf("with one: %d %s", a.status, a.says("main"))
	}
}
