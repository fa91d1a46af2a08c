package console_test

import (
	"database/sql"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/sqlite"
	"dlqdesk/internal/store"
)

// route is one address of the console, as it is called for the message a-1.
type route struct{ method, path string }

func (b bundle) routes(t *testing.T) []route {
	t.Helper()
	routes, ok := b.handler.(chi.Routes)
	if !ok {
		t.Fatal("the console is no chi router")
	}
	var list []route
	err := chi.Walk(routes, func(method, path string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if !strings.HasPrefix(path, "/assets/") {
			list = append(
				list,
				route{
					method,
					strings.NewReplacer(
						"{id}",
						"a-1",
						"{arrival}",
						"3",
						"{job}",
						"1",
						"{queue}",
						"dlq",
						"{tag}",
						"messages",
						"{page}",
						"concepts",
						"{cause}",
						"c-1",
						"{note}",
						"1",
						"{rule}",
						"1",
						"{token}",
						"1",
						"{recipe}",
						"1",
						"{suggestion}",
						"1",
						"{alert}",
						"1",
						"{sink}",
						"ops",
					).
						Replace(path),
				},
			)
		}
		return nil
	})
	if err != nil || len(list) < 20 {
		t.Fatalf("%d routes, %v", len(list), err)
	}
	return list
}

func TestSignedOutVisitorsReadNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1")
	before := len(b.events(t))
	p := b.stranger(t)
	open := []route{
		{"GET", "/signin"},
		{"POST", "/signin"},
		{"GET", "/setup"},
		{"POST", "/setup"},
		{"GET", "/password"},
		{"POST", "/password"},
	}
	for _, r := range append(b.routes(t), route{"GET", "/nowhere"}, route{"GET", "/messages/zz/../a-1"}) {
		if slices.Contains(open, r) {
			continue
		}
		whole := p.do(r.method, r.path, order(0, "action", "replay", "item", "a-1@0", "revision", "0"))
		part := p.do(r.method, r.path, order(0), htmx()...)
		if whole.status != http.StatusSeeOther || !strings.HasPrefix(whole.header.Get("Location"), "/signin") {
			t.Errorf("%s %s answers %d, to %q", r.method, r.path, whole.status, whole.header.Get("Location"))
		}
		if part.status != http.StatusUnauthorized || !strings.HasPrefix(part.header.Get("HX-Redirect"), "/signin") {
			t.Errorf("%s %s answers htmx %d, to %q", r.method, r.path, part.status, part.header.Get("HX-Redirect"))
		}
		for _, secret := range append(secrets(), "field id is missing", "genesys", "conversation") {
			if strings.Contains(whole.text+part.text, secret) {
				t.Errorf("%s %s tells a stranger %q", r.method, r.path, secret)
			}
		}
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Status != m.Status || got.Version != 0 ||
		len(b.events(t)) != before {
		t.Errorf("a stranger changed the message: %+v", got)
	}
}

func TestEveryPageForEveryRole(t *testing.T) {
	t.Parallel()
	off := ledger.Imbalance{
		Hour:    time.Date(2026, 3, 2, 9, 0, 0, 0, time.UTC),
		Source:  "genesys",
		Stage:   ledger.StageMessages,
		Missing: 1,
	}
	b := setup(t, func(d *console.Deps) {
		d.Queues = []desk.Queue{someQueue()}
		d.Ledger = func() ledger.State {
			return ledger.State{At: off.Hour, Imbalances: []ledger.Imbalance{off}}
		}
	})
	cause := "/causes/" + b.receive(t, "a-1").Fingerprint
	b.draft(t, "a-1")
	b.savedRecipe(t, "a-1")
	b.rule(t, deadletter.RuleShadow)
	b.suggestion(t, "a-1")
	b.raise(t, downAlert("genesys"))
	for name, role := range map[string]deadletter.Role{
		"vera": deadletter.Viewer, "olga": deadletter.Operator,
		"adam": deadletter.Admin,
	} {
		t.Run(name, func(t *testing.T) {
			p := b.member(t, name, role)
			for _, r := range b.routes(t) {
				if r.method != http.MethodGet || r.path == "/setup" || r.path == "/password" ||
					r.path == "/live" { // a stream is no page
					continue
				}
				path := strings.NewReplacer("{source}", "genesys", "{user}", name, "/causes/c-1", cause).Replace(r.path)
				if path == "/reconciliation/acknowledge" {
					path += "?hour=2026-03-02T09:00&source=genesys&stage=messages&kind=missing"
				}
				if path == "/causes/merge" || path == "/causes/split" {
					path += "?cause=" + strings.TrimPrefix(cause, "/causes/")
				}
				a := p.get(path)
				if strings.HasPrefix(r.path, "/users") && role != deadletter.Admin {
					if a.status != http.StatusForbidden {
						t.Errorf("%s: %s answers %d: %s", name, r.path, a.status, a.text)
					}
					continue
				}
				if strings.HasPrefix(r.path, "/causes/") && a.status == http.StatusSeeOther {
					a = p.get(a.header.Get("Location")) // one of its messages
				}
				switch r.path {
				case "/", "/signin":
					if a.status != http.StatusSeeOther || a.header.Get("Location") != "/causes" {
						t.Errorf("%s: %s answers %d, to %q", name, r.path, a.status, a.header.Get("Location"))
					}
					continue
				}
				if a.status != http.StatusOK {
					t.Errorf("%s: %s answers %d: %s", name, r.path, a.status, a.text)
				}
				if strings.HasSuffix(r.path, "/panel") || strings.HasSuffix(r.path, "/signature") ||
					strings.HasSuffix(
						r.path,
						"/strip",
					) || strings.HasSuffix(r.path, "/dry-run") || r.path == "/search/complete" ||
					strings.HasSuffix(r.path, "/new-matches") || strings.HasSuffix(r.path, "/sinks") ||
					strings.HasSuffix(r.path, "/body") {
					continue
				}
				if a.count("form[action='/signout']") == 0 {
					t.Errorf("%s: %s has no way to sign out", name, r.path)
				}
				if a.count("h1") != 1 || !strings.Contains(a.says("header"), name) ||
					!strings.Contains(a.says("header"), string(role)) {
					t.Errorf("%s: %s has %d headings, and says %q", name, r.path, a.count("h1"), a.says("header"))
				}
			}
		})
	}
}

// A link changes nothing, whatever it says and whichever user follows it: every table but sessions stays as it was.
func TestReadingRequestsWriteNothing(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "desk.db")
	s, err := store.Open(t.Context(), path, desktest.Key(), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	b := setupOn(t, s, func(d *console.Deps) { d.Queues = []desk.Queue{someQueue()} })
	b.receive(t, "a-1")
	b.draft(t, "a-1")
	b.savedRecipe(t, "a-1")
	b.rule(t, deadletter.RuleShadow)
	b.suggestion(t, "a-1")
	people := []person{
		b.member(t, "vera", deadletter.Viewer),
		b.member(t, "olga", deadletter.Operator),
		b.member(t, "adam", deadletter.Admin),
		b.stranger(t),
	}
	const order = "?format=csv&action=message.replay&reason=x&version=0&revision=0&item=a-1@0&confirm=1&name=x&body={}"
	before := tablesOf(t, path)
	for _, r := range b.routes(t) {
		if r.method != http.MethodGet || r.path == "/live" { // a stream does not end
			continue
		}
		at := strings.NewReplacer("{source}", "genesys", "{user}", "vera").Replace(r.path)
		for i, p := range people {
			if strings.HasPrefix(r.path, "/users") && i < 2 {
				continue // it is refused, and a refusal is recorded: not in the name of the person
			}
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				p.do(method, at, nil)
				p.do(method, at+order, nil)
				p.do(method, at+order, nil, htmx()...)
			}
		}
		for table, rows := range tablesOf(t, path) {
			if rows != before[table] {
				t.Errorf("GET %s changes %s:\n%s\nbefore\n%s", r.path, table, rows, before[table])
				before[table] = rows
			}
		}
	}
	if a := people[2].get("/audit/export?format=csv"); a.status == http.StatusOK {
		t.Error("an export is a link")
	}
}

// tablesOf returns the rows of every table of a file, except for sessions.
func tablesOf(t *testing.T, path string) map[string]string {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	names, err := sqlite.Column[string](t.Context(), db, "tables",
		`SELECT name FROM sqlite_schema WHERE type = 'table' AND name <> 'sessions'`)
	if err != nil {
		t.Fatal(err)
	}
	tables := map[string]string{}
	for _, name := range names {
		columns, err := sqlite.Column[string](
			t.Context(),
			db,
			"columns",
			`SELECT quote(name) FROM pragma_table_info(?)`,
			name,
		)
		if err != nil {
			t.Fatal(err)
		}
		quoted := strings.ReplaceAll(strings.Join(columns, ", "), "'", `"`)
		rows, err := sqlite.Column[string](t.Context(), db, name,
			`SELECT concat_ws('|', `+quoted+`) FROM "`+name+`" ORDER BY 1`)
		if err != nil {
			t.Fatal(err)
		}
		tables[name] = strings.Join(rows, "\n")
	}
	return tables
}

func TestViewerIsRefusedEveryAction(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1")
	b.draft(t, "a-1")
	b.savedRecipe(t, "a-1")
	b.rule(t, deadletter.RuleShadow)
	b.suggestion(t, "a-1")
	p := b.member(t, "vera", deadletter.Viewer)
	before := len(b.events(t))
	forms := map[string]url.Values{
		"/messages/a-1/replay":              order(0, "revision", "0"),
		"/messages/a-1/archive":             order(0, "reason", "x"),
		"/messages/a-1/restore":             order(0),
		"/messages/a-1/unmask":              order(0, "reason", "x"),
		"/messages/a-1/mask":                order(0),
		"/messages/a-1/probe":               order(0),
		"/messages/a-1/redrive":             order(0, "revision", "0"),
		"/messages/a-1/copy":                order(0, "to", "staging"),
		"/messages/copy":                    form("to", "staging", "item", "a-1@0"),
		"/messages/a-1/edit":                order(0, "revision", "0", "body", "{}", "reason", "x"),
		"/messages/a-1/edit/curl":           order(0, "revision", "0", "body", "{}"),
		"/messages/a-1/arrivals/3/separate": form(),
		"/messages/bulk":                    form("action", "replay", "item", "a-1@0"),
		"/causes/c-1/claim":                 order(0, "for", "1h"),
		"/causes/c-1/release":               order(0),
		"/causes/c-1/mute":                  order(0, "count", "1"),
		"/causes/c-1/unmute":                order(0),
		"/causes/c-1/known":                 order(0, "ticket", "OPS-1"),
		"/causes/c-1/unmark":                order(0),
		"/causes/c-1/notes":                 form("text", "x"),
		"/causes/c-1/notes/1":               form("text", "x"),
		"/causes/merge":                     form("cause", m.Fingerprint, "cause", "c-2", "into", m.Fingerprint),
		"/causes/split":                     form("cause", m.Fingerprint, "text", "x", "title", "y"),
		"/causes/grouping":                  form("source", "genesys", "kind", "pattern", "pattern", "x", "title", "y"),
		"/causes/grouping/1/undo":           form(),
		"/rules":                            ruleForm(m.Fingerprint),
		"/rules/1":                          ruleForm(m.Fingerprint, "version", "1"),
		"/rules/1/state":                    form("version", "1", "state", "on"),
		"/causes/bulk":                      form("action", "claim", "item", m.Fingerprint+"@0", "for", "1h"),
		"/jobs/1/recipe":                    form("name", "x"),
		"/recipes/1/save":                   form("version", "1", "kind", "jq", "patch", ".x = 1"),
		"/recipes/1/archive":                form(),
		"/recipes/1/restore":                form(),
		"/suggestions/1/start":              order(0),
		"/suggestions/1/dismiss":            form(),
		"/alerts/sinks/ops/test":            form(),
	}
	for _, step := range []string{"start", "pause", "resume", "cancel", "undo", "pace", "preview", "dry-run", "dry-run/cancel"} {
		forms["/jobs/1/"+step] = form("reason", "x")
	}
	for _, r := range b.routes(t) {
		values, known := forms[r.path]
		if r.method != http.MethodPost ||
			!strings.HasPrefix(r.path, "/messages") && !strings.HasPrefix(r.path, "/jobs") &&
				!strings.HasPrefix(r.path, "/causes") && !strings.HasPrefix(r.path, "/recipes") &&
				!strings.HasPrefix(r.path, "/rules") && !strings.HasPrefix(r.path, "/suggestions") &&
				!strings.HasPrefix(r.path, "/alerts") ||
			r.path == "/jobs/1/hide" || r.path == "/messages/a-1/compare" ||
			r.path == "/messages/layout" || r.path == "/jobs/1/export" { // these change nothing but one's own view
			continue
		}
		if !known {
			t.Errorf("no test knows how to post to %s", r.path)
			continue
		}
		all := []url.Values{values}
		if r.path == "/messages/bulk" {
			all = append(
				all, form("action", "archive", "item", "a-1@0", "reason", "x"),
				form("action", "archive", "item", "a-1@0"), form("action", "restore", "item", "a-1@0"),
				form("action", "redrive", "item", "a-1@0"),
				form("action", "edit-redrive", "item", "a-1@0", "reason", "x", "patch", "{}"),
				form("action", "edit", "item", "a-1@0", "reason", "x", "patch", "{}"),
				form("action", "edit", "item", "a-1@0"),
			)
		}
		for _, values := range all {
			whole, part := p.post(r.path, values), p.post(r.path, values, htmx()...)
			if whole.status != http.StatusForbidden || !strings.Contains(whole.says("main"), "A viewer may not") {
				t.Errorf("%s %v answers %d: %s", r.path, values, whole.status, whole.says("main"))
			}
			if part.status != http.StatusForbidden || part.header.Get("HX-Retarget") != "#notice" {
				t.Errorf("%s %v answers htmx %d", r.path, values, part.status)
			}
		}
	}
	b.expectRefusals(t, desk.RefusedAction, "vera", before)
	if got := desktest.Message(t, b.store, "a-1"); got.Status != m.Status || got.Version != 0 || got.Revision != 0 {
		t.Errorf("a viewer changed the message: %+v", got)
	}
	for path, want := range map[string]int{
		"/messages": 3, "/messages?status=all": 4,
		"/messages?status=archived": 0, "/messages/a-1": 3,
	} {
		t.Run(path, func(t *testing.T) {
			if got := p.get(path).count("button[aria-disabled]"); got != want {
				t.Errorf("%s has %d disabled buttons with their reason, want %d", path, got, want)
			}
		})
	}
	if got := p.get("/messages/a-1/edit"); got.count("form[action$='/edit']") != 0 ||
		!strings.Contains(got.says("main"), "A viewer may not edit") {
		t.Errorf("the form of an edit says %q", got.says("main"))
	}
}

func TestAnotherSiteCannotPost(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *console.Deps) { d.PublicURL = "https://desk.example" })
	m := b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	before := len(b.events(t))
	for _, r := range b.routes(t) {
		if r.method != http.MethodPost {
			continue
		}
		for _, headers := range [][]string{
			{"Sec-Fetch-Site", "cross-site"},
			{"Sec-Fetch-Site", "same-site"},
			{"Origin", "https://evil.example"},
			{"Origin", "null"},
		} {
			t.Run(r.method+" "+r.path+" "+headers[1], func(t *testing.T) {
				a := p.post(
					r.path,
					order(0, "revision", "0", "action", "replay", "item", "a-1@0", "reason", "x"),
					headers...)
				if a.status != http.StatusForbidden || !strings.Contains(a.says("main"), "another site") {
					t.Errorf("%s with %v answers %d: %s", r.path, headers, a.status, a.says("main"))
				}
			})
		}
	}
	b.expectRefusals(t, desk.RefusedSite, "", before)
	if got := desktest.Message(t, b.store, "a-1"); got.Version != m.Version {
		t.Errorf("another site changed the message: %+v", got)
	}
	for _, headers := range [][]string{
		{"Sec-Fetch-Site", "same-origin"},
		{"Origin", "https://desk.example"},
		{"Origin", b.server.URL},
	} {
		t.Run(headers[1], func(t *testing.T) {
			version := desktest.Message(t, b.store, "a-1").Version
			action, status := "archive", deadletter.Archived
			if version%2 == 1 {
				action, status = "restore", deadletter.Failed
			}
			if a := p.post(
				"/messages/a-1/"+action,
				order(version, "reason", "x"),
				headers...); a.status != http.StatusSeeOther ||
				desktest.Message(t, b.store, "a-1").Status != status {
				t.Errorf("the desk itself is refused with %v: %d", headers, a.status)
			}
		})
	}
}

func TestHeadersOfEveryResponse(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("secure=%t", secure), func(t *testing.T) {
			b := setup(t, func(d *console.Deps) { d.Secure = secure })
			b.receive(t, "a-1")
			p, stranger := b.member(t, "olga", deadletter.Operator), b.stranger(t)
			answers := map[string]answer{
				"a page":          p.get("/messages"),
				"a part":          p.get("/messages", htmx()...),
				"a message":       p.get("/messages/a-1"),
				"a download":      p.get("/messages/a-1/body"),
				"no such message": p.get("/messages/zz"),
				"no such page":    p.get("/nowhere"),
				"a stranger":      stranger.get("/messages"),
				"the door":        stranger.get("/signin"),
				"a wrong method":  p.post("/messages", nil),
				"no such asset":   stranger.get("/assets/nothing.css"),
				"another site":    p.post("/signout", nil, "Sec-Fetch-Site", "cross-site"),
				"a refusal":       stranger.post("/signin", form("name", "olga", "password", "no")),
				"a trace":         p.do(http.MethodTrace, "/messages", nil),
			}
			if a := answers["a trace"]; a.status < http.StatusBadRequest {
				t.Errorf("TRACE is answered %d", a.status)
			}
			for name, a := range answers {
				policy := a.header.Get("Content-Security-Policy")
				for _, want := range []string{
					"default-src 'self'", "frame-ancestors 'none'", "form-action 'self'",
					"base-uri 'none'", "object-src 'none'", "img-src 'self' data:",
				} {
					if !strings.Contains(policy, want) || strings.Contains(policy, "unsafe") {
						t.Errorf("%s: policy %q", name, policy)
					}
				}
				for header, want := range map[string]string{
					"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin",
					"Cross-Origin-Opener-Policy":   "same-origin",
					"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
				} {
					if got := a.header.Get(header); got != want {
						t.Errorf("%s: %s is %q", name, header, got)
					}
				}
				if kind := a.header.Get("Content-Type"); a.text != "" && kind != "application/octet-stream" &&
					!strings.HasSuffix(kind, "; charset=utf-8") {
					t.Errorf("%s: type %q", name, kind)
				}
				if got := a.header.Get("Access-Control-Allow-Origin"); got != "" {
					t.Errorf("%s: other sites may read it: %q", name, got)
				}
				if a.header.Get("Permissions-Policy") == "" ||
					(a.header.Get("Strict-Transport-Security") != "") != secure {
					t.Errorf("%s: headers %v", name, a.header)
				}
			}
			if vary := strings.Join(
				answers["a page"].header.Values("Vary"), ", ",
			); !strings.Contains(vary, "HX-Request") || !strings.Contains(vary, "Cookie") {
				t.Errorf("a page varies by %q", vary)
			}
		})
	}
}

func TestEveryKindOfFailureHasItsStatus(t *testing.T) {
	t.Parallel()
	statuses, headings := map[int]deadletter.Kind{}, map[string]deadletter.Kind{}
	for _, kind := range deadletter.Kinds() {
		status, heading := console.StatusOf(kind), console.HeadingOf(kind)
		if other, taken := statuses[status]; taken || status < 400 || (status == 500) != (kind == deadletter.Internal) {
			t.Errorf("kind %d is answered %d, as is kind %d", kind, status, other)
		}
		if other, taken := headings[heading]; taken || heading == "" {
			t.Errorf("kind %d is headed %q, as is kind %d", kind, heading, other)
		}
		statuses[status], headings[heading] = kind, kind
	}
}

func TestMessagePageErrorIsLoggedWithTheMessage(t *testing.T) {
	t.Parallel()
	b := setup(
		t,
		func(d *console.Deps) { d.Health = func(string) delivery.DestinationHealth { panic("no such source") } },
	)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	if a := p.get("/messages/a-1"); a.status != http.StatusInternalServerError ||
		!strings.Contains(b.log.String(), "message=a-1") {
		t.Errorf("answered %d, and the log says %s", a.status, b.log)
	}
}

func TestPanicShowsAnErrorPageAndLogsOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, func(d *console.Deps) { d.Chain = func() store.AuditResult { panic("s3cret of the program") } })
	p := b.member(t, "olga", deadletter.Operator)
	a := p.get("/audit")
	id := a.says("main code")
	if a.status != http.StatusInternalServerError || strings.Contains(a.text, "s3cret") || len(id) < 8 {
		t.Errorf("answered %d with id %q: %s", a.status, id, a.says("main"))
	}
	if logged := b.log.String(); strings.Count(logged, "s3cret of the program") != 1 ||
		strings.Count(logged, "\n") != 1 ||
		!strings.Contains(logged, id) {
		t.Errorf("the log says %s", logged)
	}
	part := p.get("/audit", htmx()...)
	if part.status != http.StatusInternalServerError || part.header.Get("HX-Retarget") != "#notice" ||
		part.count(".notice") != 1 {
		t.Errorf("htmx is answered %d: %s", part.status, part.text)
	}
}

func TestClosedStoreFailsRequests(t *testing.T) {
	t.Parallel()
	s, err := store.Open(
		t.Context(), filepath.Join(t.TempDir(), "desk.db"), desktest.Key(), slog.New(slog.DiscardHandler),
	)
	if err != nil {
		t.Fatal(err)
	}
	b := setupOn(t, s)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/messages", "/messages/a-1", "/messages/a-1/body", "/signin"} {
		t.Run(path, func(t *testing.T) {
			logged := strings.Count(b.log.String(), "\n")
			a := p.get(path)
			if a.status != http.StatusInternalServerError || a.count("h1") != 1 ||
				strings.Contains(a.text, "genesys") ||
				strings.Contains(a.text, "sql") {
				t.Errorf("%s answers %d: %s", path, a.status, a.says("main"))
			}
			if n := strings.Count(b.log.String(), "\n") - logged; n != 1 {
				t.Errorf("%s is logged %d times", path, n)
			}
		})
	}
	if a := b.stranger(t).
		post("/signin", form("name", "olga", "password", password)); a.status != http.StatusInternalServerError ||
		len(a.header.Values("Set-Cookie")) != 0 {
		t.Errorf("signing in answers %d", a.status)
	}
}

func TestFormsAreLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1")
	p := b.member(t, "olga", deadletter.Operator)
	large := strings.Repeat("x", 2<<20)
	if a := p.post(
		"/messages/a-1/archive", order(0, "reason", large),
	); a.status != http.StatusRequestEntityTooLarge || !strings.Contains(a.says("main"), "1.0 MiB") {
		t.Errorf("2 MiB of reason are answered %d: %s", a.status, a.says("main"))
	}
	if a := p.post(
		"/messages/a-1/edit", order(0, "revision", "0", "reason", "x", "body", strings.Repeat("x", 5<<20)),
	); a.status != http.StatusUnprocessableEntity {
		t.Errorf("5 MiB of body are answered %d", a.status)
	}
	if a := p.do(
		"POST", "/messages/a-1/archive", nil, "Content-Type",
		"application/x-www-form-urlencoded; charset=%zz",
	); a.status != http.StatusUnprocessableEntity {
		t.Errorf("an unreadable form is answered %d", a.status)
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Version != 0 {
		t.Errorf("message %+v", got)
	}
}
