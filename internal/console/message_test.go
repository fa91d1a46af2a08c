package console_test

import (
	"context"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

func TestReplayShowsItsResultInPlace(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	fields := p.get("/messages/a-1?back=status%3Dall").fields("form[action$='/replay']")
	ordered := p.post("/messages/a-1/replay", fields, htmx()...)
	panel := ordered.doc().Find("#message-panel")
	if ordered.status != http.StatusOK || panel.AttrOr("data-status", "") != "replaying" ||
		strings.Contains(ordered.text, "<html") {
		t.Fatalf("answered %d: %s", ordered.status, ordered.text)
	}
	poll := panel.AttrOr("hx-get", "")
	if poll != "/messages/a-1/panel?back=status%3Dall" {
		t.Fatalf("the panel asks for %q", poll)
	}
	if a := p.get(
		poll,
		htmx()...); a.doc().Find("#message-panel").AttrOr("hx-get", "") != poll ||
		a.says("#message-result") != "" {
		t.Errorf("while it is in flight the panel says %q", a.says("#message-panel"))
	}
	b.finish(t, m.ID, deadletter.ErrorResponse, 422)
	rejected := p.get(poll, htmx()...)
	if rejected.says("#message-result") != "Error response: 422 in 84 ms The handler answered: still broken" ||
		rejected.count("[hx-get*=panel]") != 0 {
		t.Errorf("the result is %q", rejected.says("#message-result"))
	}
	p.post("/messages/a-1/replay", rejected.fields("form[action$='/replay']"), htmx()...)
	b.finish(t, m.ID, deadletter.Delivered, 200)
	done := p.get(poll, htmx()...)
	if done.says("#message-result") != "Delivered: 200 in 84 ms" ||
		done.doc().Find("#message-panel").AttrOr("data-status", "") != "resolved" {
		t.Errorf("the result is %q", done.says("#message-result"))
	}
	if done.count("#message-history[hx-swap-oob] li.attempt") != 3 ||
		!strings.Contains(done.says("#message-history"), "replay by olga") {
		t.Errorf("the history says %q", done.says("#message-history"))
	}
}

func TestUnknownOutcomeIsShownAsUnknown(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	p.post("/messages/a-1/replay", order(0, "revision", "0"))
	b.finish(t, m.ID, deadletter.Unknown, 0)
	if a := p.get("/messages/a-1"); !strings.Contains(
		a.says("#message-result"), "No answer within 10s: the handler may have processed it. The delivery ended "+
			"after 84 ms.",
	) ||
		!strings.Contains(a.says("#message-panel"), "may have processed") {
		t.Errorf("an unknown outcome says %q", a.says("#message-panel"))
	}
}

func TestActionsWithoutScript(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	follow := func(a answer, notice string) answer {
		t.Helper()
		if a.status != http.StatusSeeOther {
			t.Fatalf("answered %d: %s", a.status, a.says("main"))
		}
		shown := p.get(a.header.Get("Location"))
		if !strings.Contains(shown.says("#notice"), notice) {
			t.Errorf("the page says %q, want %q", shown.says("#notice"), notice)
		}
		if back := shown.doc().Find(".crumbs a").AttrOr("href", ""); back != "/messages?source=genesys&status=all" {
			t.Errorf("the list that one came from is %q", back)
		}
		return shown
	}
	page := p.get("/messages/a-1?back=" + "status%3Dall%26source%3Dgenesys%26evil%3D1")
	archive := page.fields("form[action$='/archive']")
	if a := p.post("/messages/a-1/archive", archive); a.status != http.StatusUnprocessableEntity ||
		!strings.Contains(a.says("#message-panel"), "Say why you archive") {
		t.Errorf("without a reason: %d %s", a.status, a.says("#message-panel"))
	}
	archive.Set("reason", "known fault")
	page = follow(p.post("/messages/a-1/archive", archive), "Archived.")
	page = follow(p.post("/messages/a-1/restore", page.fields("form[action$='/restore']")), "Restored.")
	page = follow(p.post("/messages/a-1/replay", page.fields("form[action$='/replay']")), "Replay requested")
	if got := page.doc().Find("#message-panel").AttrOr("data-status", ""); got != "replaying" {
		t.Errorf("the message is %q", got)
	}
	if !strings.Contains(page.says("#message-history"), "known fault") {
		t.Errorf("the history says %q", page.says("#message-history"))
	}
}

func TestStalePageConflictsAndShowsTheCurrentState(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	olga, bert := b.member(t, "olga", deadletter.Operator), b.member(t, "bert", deadletter.Operator)
	stale := bert.get("/messages/a-1")
	if a := olga.post(
		"/messages/a-1/archive",
		order(0, "reason", "known fault"),
		htmx()...); a.status != http.StatusOK ||
		a.count("form[action$='/restore']") != 1 {
		t.Fatalf("answered %d: %s", a.status, a.text)
	}
	b.clock.Add(3 * time.Second)
	for _, action := range []string{"replay", "archive"} {
		t.Run(action, func(t *testing.T) {
			fields := stale.fields("form[action$='/" + action + "']")
			fields.Set("reason", "me too")
			for _, headers := range [][]string{nil, htmx()} {
				a := bert.post("/messages/a-1/"+action, fields, headers...)
				if a.status != http.StatusConflict ||
					!strings.Contains(a.says("#message-panel"), "Already archived by olga 3 s ago") {
					t.Errorf("%s %v answers %d: %s", action, headers, a.status, a.says("#message-panel"))
				}
				if a.doc().Find("#message-panel").AttrOr("data-status", "") != "archived" ||
					strings.Contains(a.text, "<html") != (headers == nil) {
					t.Errorf("%s %v shows no fresh state: %s", action, headers, a.text)
				}
			}
		})
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Version != 1 {
		t.Errorf("message %+v", got)
	}
}

func TestSimultaneousActionsOfTwoUsersTakeEffectOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	people := []person{b.member(t, "olga", deadletter.Operator), b.member(t, "bert", deadletter.Operator)}
	answers := make([]answer, len(people))
	var all sync.WaitGroup
	for i, p := range people {
		all.Go(func() { answers[i] = p.post("/messages/a-1/replay", order(0, "revision", "0"), htmx()...) })
	}
	all.Wait()
	if answers[0].status+answers[1].status != http.StatusOK+http.StatusConflict {
		t.Fatalf("answered %d and %d", answers[0].status, answers[1].status)
	}
	for _, a := range answers {
		if got := a.doc().
			Find("#message-panel").
			AttrOr("data-status", ""); got != "replaying" ||
			a.status == http.StatusConflict && !strings.Contains(a.text, "lready replayed by") {
			t.Errorf("answered %d: %s", a.status, a.text)
		}
	}
}

func TestUnknownPathsAndInvalidFormsAreRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	for path, want := range map[string]int{
		"/messages/zz": 404, "/messages/zz/panel": 404, "/messages/zz/body": 404, "/messages/zz/edit": 404,
		"/messages/%00": 404, "/messages/a-1%2F..": 404, "/messages/%27%20OR%201": 404,
		"/messages/%FF": 404, "/messages/a-1?revision=7": 404, "/messages/a-1?revision=-1": 404, "/messages/" +
			"a-1?revision=x": 422, "/messages/a-1/body?revision=x": 422,
		"/messages/a-1/edit?revision=9": 404, "/nowhere": 404, "/messages/a-1/nowhere": 404,
	} {
		t.Run(path, func(t *testing.T) {
			a, part := p.get(path), p.get(path, htmx()...)
			if a.status != want || part.status != want || a.count("h1") != 1 ||
				!strings.Contains(a.says("header"), "olga") ||
				part.header.Get("HX-Retarget") != "#notice" {
				t.Errorf("%s answers %d and %d, want %d: %s", path, a.status, part.status, want, a.says("main"))
			}
		})
	}
	for _, action := range []string{"replay", "archive", "restore", "edit"} {
		t.Run(action, func(t *testing.T) {
			for _, version := range []string{"", "x", "99999999999999999999"} {
				if a := p.post(
					"/messages/a-1/"+action,
					form("version", version, "revision", "0", "reason", "x", "body", "{}"),
				); a.status != http.StatusUnprocessableEntity {
					t.Errorf("%s with version %q answers %d", action, version, a.status)
				}
			}
			if a := p.post(
				"/messages/zz/"+action, order(0, "revision", "0", "reason", "x", "body", "{}"),
			); a.status != http.StatusNotFound {
				t.Errorf("%s of no message answers %d", action, a.status)
			}
		})
	}
	if a := p.post("/messages/a-1/replay", order(0, "revision", "3")); a.status != http.StatusNotFound {
		t.Errorf("a replay of no revision answers %d", a.status)
	}
	if a := p.do(http.MethodHead, "/messages", nil); a.status != http.StatusOK {
		t.Errorf("HEAD answers %d", a.status)
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Version != 0 {
		t.Errorf("message %+v", got)
	}
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	b := setup(t)
	p := b.member(t, "olga", deadletter.Operator)
	large := []byte(`{"text":"` + strings.Repeat("ä", 300<<10) + `"}`)
	deep := []byte(strings.Repeat("[", 9000) + strings.Repeat("]", 9000))
	for name, test := range map[string]struct {
		body  []byte
		says  string
		other string
	}{
		"empty":   {nil, "The body is empty.", ""},
		"text":    {[]byte("<script>alert(1)</script>"), "<script>alert(1)</script>", ""},
		"binary":  {[]byte{0x89, 'P', 'N', 'G', 0, 0xff}, "89 50 4e 47 00 ff", ""},
		"nul":     {[]byte("a\x00b"), "61 00 62", ""},
		"invalid": {[]byte("Gr\xf6\xdfe"), "47 72 f6 df 65", ""},
		"large":   {large, "The first 64.0 KiB of 600.0 KiB are shown", ""},
		"deep":    {deep, "[[[[", ""},
		"duplicates": {
			[]byte(`{"a":1,"a":2,"big":123456789012345678901234567890,"e":1e400}`),
			`"big": 123456789012345678901234567890`, `{"a":1,"a":2,`,
		},
		"not a value": {[]byte(`{"a":`), `{"a":`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			id := strings.ReplaceAll(name, " ", "-")
			b.receive(t, id, func(c *deadletter.Capture) { c.Body, c.Query = test.body, "" })
			a := p.get("/messages/" + id)
			if text := a.says(
				"section:has(#payload-title)",
			); a.status != http.StatusOK || !strings.Contains(text, test.says) ||
				!strings.Contains(text, test.other) {
				t.Errorf("%s: answered %d: %.300s", name, a.status, text)
			}
			if len(a.text) > 3<<20 || strings.Contains(a.text, "<script>alert") {
				t.Errorf("%s: a page of %d bytes", name, len(a.text))
			}
			download := p.get("/messages/" + id + "/body?revision=0")
			if download.text != string(test.body) ||
				download.header.Get("Content-Type") != "application/octet-stream" ||
				!strings.HasPrefix(
					download.header.Get("Content-Disposition"),
					`attachment; filename="`+strings.ReplaceAll(id, " ", "_"),
				) {
				t.Errorf("%s: the download has %d bytes and %v", name, len(download.text), download.header)
			}
		})
	}
}

func TestHostileTextNeverBreaksAPage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	evil := "\xff\x00\x1b<img src=x onerror=alert(1)>\u202e"
	b.receive(t, "a-1", func(c *deadletter.Capture) {
		c.Source, c.Reason, c.Query, c.Queue.GroupID = evil, evil, evil, evil
		c.Headers["X-"+evil], c.FirstAttempt.Error, c.FirstAttempt.ResponseBody = []string{evil}, evil, []byte(evil)
		c.Headers["Content-Type"] = []string{evil}
	})
	b.draft(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	for _, path := range []string{
		"/messages?status=all", "/messages/a-1", "/messages/a-1/panel",
		"/messages/a-1/edit", "/audit", "/jobs/1", "/jobs", "/messages?status=all&job=1",
	} {
		t.Run(path, func(t *testing.T) {
			a := p.get(path)
			if a.status != http.StatusOK || strings.Contains(a.text, "<img") || strings.Contains(a.text, "\xff") ||
				strings.ContainsAny(a.text, "\x00\x1b") {
				t.Errorf("%s answers %d, and lets text through", path, a.status)
			}
		})
	}
}

// The platform sent an event twice and got two message ids. Both lead to the one message of the event.
func TestLaterMessageIDRedirectsToItsMessage(t *testing.T) {
	t.Parallel()
	b := setup(t)
	first := b.receive(t, "00000000-0000-4000-8000-000000000001")
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		return tx.Apply(
			ctx,
			first.ArriveAgain(deadletter.Capture{ID: "00000000-0000-4000-8000-000000000002"}, b.clock.Now()),
		)
	})
	if err != nil {
		t.Fatal(err)
	}
	p := b.member(t, "vera", deadletter.Viewer)
	if got := p.get(
		"/messages/00000000-0000-4000-8000-000000000002?back=status%3Dfailed",
	); got.status != http.StatusSeeOther ||
		got.header.Get("Location") != "/messages/00000000-0000-4000-8000-000000000001?back=status%3Dfailed" {
		t.Errorf("answered %d, to %s", got.status, got.header.Get("Location"))
	}
	if got := p.get("/messages/00000000-0000-4000-8000-000000000003"); got.status != http.StatusNotFound {
		t.Errorf("a message that is not: %d", got.status)
	}
	if got := p.get("/messages/%20"); got.status != http.StatusNotFound {
		t.Errorf("no id: %d", got.status)
	}
}

// An order for one message is rendered from the message that the desk returns: its handlers read none of their own.
func TestActionsReadTheMessageOnce(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "message.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	orders := map[string]bool{
		"replay": false, "redrive": false, "archive": false, "restore": false,
		"send": false, "act": false, "showRefusal": false, "showPanel": false, "showMessage": false,
	}
	for _, decl := range file.Decls {
		f, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		if _, ok := orders[f.Name.Name]; !ok {
			continue
		}
		orders[f.Name.Name] = true
		ast.Inspect(f, func(n ast.Node) bool {
			if s, ok := n.(*ast.SelectorExpr); ok && s.Sel.Name == "Message" {
				if of, ok := s.X.(*ast.SelectorExpr); ok && of.Sel.Name == "Store" {
					t.Errorf("%s reads a message", f.Name.Name)
				}
			}
			return true
		})
	}
	for name, found := range orders {
		if !found {
			t.Errorf("there is no %s", name)
		}
	}
}
