package acceptance_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"dlqdesk/internal/api"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/console"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/delivery"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/doctor"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/store"
)

// surfaces are console and API on one desk, which does nothing by itself: each order finds what the table says.
type surfaces struct {
	store   *store.Store
	desk    *desk.Desk
	auth    *auth.Auth
	clock   *desktest.Clock
	console *console.Console
	api     *api.API
	url     string
	names   map[string]string // what a $name of the table stands for
}

// lost is a ledger in which one webhook is missing.
type lost struct{ clock *desktest.Clock }

func (l lost) State() ledger.State {
	hour := time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC)
	return ledger.State{At: l.clock.Now(), Imbalances: []ledger.Imbalance{
		{Hour: hour, Source: "genesys", Stage: ledger.StageMessages, Missing: 1},
	}}
}

func (lost) Reload(context.Context) error { return nil }

func newSurfaces(t *testing.T) surfaces {
	t.Helper()
	b := surfaces{store: desktest.NewStore(t), clock: desktest.NewClock(), names: map[string]string{}}
	desktest.Search(t, b.store, desktest.NoMasks())
	log := slog.New(slog.DiscardHandler)
	cheap := argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	b.auth = auth.New(b.store, auth.Settings{Hashing: cheap}, b.clock.Now)
	counts := lost{b.clock}
	b.desk = desk.New(desk.Deps{
		Store: b.store, Masks: desktest.NoMasks, Kick: func() {}, Now: b.clock.Now, Ledger: counts,
		Sources: desktest.Always([]desk.Source{{Name: "genesys", Probe: func() {}, ProbeSoon: func() {}}}),
		Tickets: desktest.Always(deadletter.Tickets{}),
		Sinks:   desktest.Always([]desk.AlertSink{{Name: "ops", Kind: "slack"}}), Tell: func() {},
	})
	refusals := desk.NewRefusals(b.store, b.clock.Now, log)
	onTheirWay := func(context.Context) (int, error) { return 0, nil }
	chain := desktest.Always(store.AuditResult{At: b.clock.Now()})
	b.console = console.New(console.Deps{
		Store: b.store, Desk: b.desk, Auth: b.auth, Refusals: refusals,
		Settings: desktest.Always(console.Settings{
			Sources: []console.Source{
				{Name: "genesys", URL: "http://handler.internal", Setup: doctor.Setup{Open: true}},
			},
		}),
		Chain: chain, Health: func(string) delivery.DestinationHealth { return delivery.DestinationHealth{} },
		Ledger: counts.State, OnTheirWay: onTheirWay, Reload: desktest.Always(console.ReloadStatus{}), Now: b.clock.Now,
		Log: log,
	})
	b.api = api.New(api.Deps{
		Store:      b.store,
		Desk:       b.desk,
		Auth:       b.auth,
		Sources:    desktest.Always([]api.Source{{Name: "genesys", Breaker: "closed"}}),
		Refused:    refusals,
		Config:     desktest.Always([]api.Setting(nil)),
		Reload:     desktest.Always(api.Reload{}),
		Chain:      chain,
		OnTheirWay: onTheirWay,
		URL:        desktest.Always("http://desk.internal"),
		Now:        b.clock.Now,
		Log:        log,
	})
	routes := http.NewServeMux()
	routes.Handle("/", b.console)
	routes.Handle(api.Path+"/", b.api)
	server := httptest.NewServer(routes)
	t.Cleanup(server.Close)
	b.url = server.URL
	return b
}

// fill gives the desk everything that the table names. All of it is olga's.
func (b surfaces) fill(t *testing.T) {
	t.Helper()
	ctx, check := t.Context(), func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for name, role := range map[string]string{"vera": "viewer", "olga": "operator", "adam": "admin", "nora": "operator"} {
		check(b.auth.AddUser(ctx, deadletter.System(), name, role, password))
	}
	olga := deadletter.User("olga", deadletter.Operator, "192.0.2.1")
	receive := func(id, text string, code int) deadletter.Message {
		c := desktest.Failure(id, code, b.clock.Now())
		c.Reason, c.FirstAttempt.Error = text, text
		return desktest.Receive(t, b.store, c)
	}
	b.names["cause"] = receive("m-1", "field id is missing", 422).Fingerprint
	b.names["claimed"] = receive("m-2", "bad skill", 422).Fingerprint
	receive("m-unknown", "no answer", 0)
	receive("m-archived", "of a test", 422)
	_, err := b.desk.Archive(ctx, olga, desk.Ref{ID: "m-archived"}, "test")
	check(err)
	nora := deadletter.User("nora", deadletter.Operator, "192.0.2.2")
	_, err = b.desk.Claim(ctx, nora, desk.CauseRef{Fingerprint: b.names["claimed"]}, 4*time.Hour)
	check(err)
	check(b.desk.AddNote(ctx, olga, b.names["cause"], "look"))
	notes, err := b.desk.CauseNotes(ctx, olga, b.names["cause"])
	check(err)
	b.names["note"] = strconv.FormatInt(notes[0].ID, 10)
	job := func(name string, action deadletter.Action, message deadletter.ID, start *deadletter.JobInput) deadletter.JobID {
		j, err := b.desk.FreezeSelected(ctx, olga, action, []desk.Ref{{ID: message}})
		check(err)
		b.names[name] = j.ID.String()
		if start != nil {
			check(b.desk.StartJob(ctx, olga, j.ID, *start))
		}
		return j.ID
	}
	merge := deadletter.Recipe{Kind: deadletter.MergePatch, Text: `{"a":1}`}
	job("draft", deadletter.ActReplay, "m-1", nil)
	job("edit", deadletter.ActEdit, "m-1", nil)
	job("unknown", deadletter.ActReplay, "m-unknown", nil)
	job("running", deadletter.ActReplay, "m-2", &deadletter.JobInput{})
	check(b.desk.PauseJob(ctx, olga, job("paused", deadletter.ActReplay, "m-2", &deadletter.JobInput{})))
	job("edited", deadletter.ActEdit, "m-2", &deadletter.JobInput{Recipe: merge, Reason: "test"})
	job("saved", deadletter.ActEdit, "m-2", &deadletter.JobInput{Recipe: merge, Reason: "test", SaveAs: "add a"})
	b.names["recipe"] = "1"
	rule, err := b.desk.MakeRule(ctx, olga, deadletter.RuleSpec{
		Name: "tests", Match: deadletter.RuleMatch{Source: "genesys", Code: "404"}, Action: deadletter.ActArchive,
		Reason: "test", PerHour: 1,
	})
	check(err)
	b.names["rule"] = rule.ID.String()
	token, _, err := b.auth.AddToken(ctx, nora, deadletter.TokenInput{Name: "x", Role: deadletter.Viewer}, nil)
	check(err)
	b.names["token"] = token.ID.String()
}

// named replaces each $name by what it stands for.
func (b surfaces) named(text string) string {
	for name, value := range b.names {
		text = strings.ReplaceAll(text, "$"+name+"&", value+"&")
		text = strings.ReplaceAll(text, "$"+name+`"`, value+`"`)
		if strings.HasSuffix(text, "$"+name) {
			text = strings.TrimSuffix(text, "$"+name) + value
		}
	}
	return text
}

// at replaces the parameters of a path.
func (b surfaces) at(t *testing.T, path, on string) string {
	t.Helper()
	for name, values := range b.values(t, on) {
		path = strings.ReplaceAll(path, "{"+name+"}", values[0])
	}
	if strings.Contains(path, "{") {
		t.Fatalf("the table does not say what %s is about", path)
	}
	return path
}

func (b surfaces) values(t *testing.T, text string) url.Values {
	t.Helper()
	values, err := url.ParseQuery(strings.ReplaceAll(b.named(text), "+", "%2B"))
	if err != nil {
		t.Fatal(err)
	}
	return values
}

// byConsole sends a form in the session of a user, and returns what was decided.
func (b surfaces) byConsole(t *testing.T, user, route string, c surfaceCase) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	browser := &http.Client{Jar: jar, CheckRedirect: stay}
	ask := func(method, path string, form url.Values) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), method, b.url+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		return send(t, browser, r)
	}
	signIn := url.Values{"name": {user}, "password": {password}}
	if status, text := ask(http.MethodPost, "/signin", signIn); status != http.StatusSeeOther {
		t.Fatalf("signing in is answered %d %s", status, text)
	}
	status, text := ask(http.MethodPost, b.at(t, strings.TrimPrefix(route, "POST "), c.on), b.values(t, c.form))
	switch {
	case status == http.StatusSeeOther: // the next page says what came of it
		_, text = ask(http.MethodGet, "/account", nil)
		if strings.Contains(text, "You changed nothing.") || strings.Contains(text, "You started nothing.") {
			return "conflict"
		}
		return "allowed"
	case status < http.StatusBadRequest:
		return "allowed"
	case status == http.StatusPreconditionRequired:
		return "needs-confirmation"
	}
	return decisionOf(t, status, text)
}

// byAPI sends JSON with a token of a user that may do all that they may, and returns what was decided.
func (b surfaces) byAPI(t *testing.T, user, operation string, c surfaceCase) string {
	t.Helper()
	u, err := b.store.User(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	by := deadletter.User(u.Name, u.Role, "192.0.2.3")
	_, secret, err := b.auth.AddToken(t.Context(), by, deadletter.TokenInput{Name: "ci", Role: u.Role}, nil)
	if err != nil {
		t.Fatal(err)
	}
	path := ""
	for p, item := range b.api.Document.Paths {
		if item.Post != nil && item.Post.OperationID == operation {
			path = b.url + api.Path + b.at(t, p, c.on)
		}
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(b.named(c.json)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+secret)
	if c.json != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	status, text := send(t, http.DefaultClient, r)
	if status < http.StatusBadRequest {
		return "allowed"
	}
	var p api.Problem
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatalf("answered %d %s", status, text)
	}
	return strings.TrimPrefix(p.Type, "urn:dlqdesk:problem:")
}

func send(t *testing.T, by *http.Client, r *http.Request) (status int, text string) {
	t.Helper()
	response, err := by.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(response.Body)
	_ = response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(body)
}

// decisionOf names the decision of a page by its status.
func decisionOf(t *testing.T, status int, text string) string {
	t.Helper()
	decision, ok := map[int]string{
		http.StatusForbidden: "forbidden", http.StatusNotFound: "not-found", http.StatusConflict: "conflict",
		http.StatusUnprocessableEntity: "invalid",
	}[status]
	if !ok {
		t.Errorf("the page is answered %d %.300s", status, text)
	}
	return decision
}

// The same order of the same person is decided alike on pages and by the API, whatever their role. Each surface has a
// desk of its own, so that one order does not find what the other did.
func TestOrdersAreDecidedAlike(t *testing.T) {
	t.Parallel()
	for _, o := range allOrders() {
		for i, c := range o.cases {
			users := []string{"olga", "adam"}
			if i == 0 || strings.HasPrefix(c.name, "no such ") { // the others differ for those alone who may
				users = append(users, "vera")
			}
			t.Run(o.api+"/"+c.name, func(t *testing.T) {
				t.Parallel()
				for _, user := range users {
					pages, programs := newSurfaces(t), newSurfaces(t)
					pages.fill(t)
					programs.fill(t)
					page, program := pages.byConsole(t, user, o.console, c), programs.byAPI(t, user, o.api, c)
					if page != program {
						t.Errorf("%s: pages decide %s, the API %s", user, page, program)
					}
					if user == "vera" && page == "allowed" && o.api != "make-token" {
						t.Error("a viewer may do it")
					}
				}
			})
		}
	}
}
