package console_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
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
	"dlqdesk/internal/payload"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
	"dlqdesk/internal/telemetry"
)

const password = "correct horse battery"

// bundle is a console on a real store, behind a real server. No worker delivers: a test finishes deliveries by itself.
type bundle struct {
	stopSearch func() // has nothing more made searchable
	store      *store.Store
	auth       *auth.Auth
	desk       *desk.Desk
	clock      *desktest.Clock
	handler    http.Handler
	server     *httptest.Server
	log        *lockedBuffer
	onTheirWay *atomic.Int64 // webhooks
}

type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func setup(t *testing.T, changes ...func(*console.Deps)) bundle {
	t.Helper()
	return setupOn(t, desktest.NewStore(t), changes...)
}

func setupOn(t *testing.T, s *store.Store, changes ...func(*console.Deps)) bundle {
	t.Helper()
	b := bundle{store: s, clock: desktest.NewClock(), log: &lockedBuffer{}, onTheirWay: &atomic.Int64{}}
	b.stopSearch = desktest.Search(t, s, masks())
	cheap := argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	b.auth = auth.New(b.store, auth.Settings{Hashing: cheap}, b.clock.Now)
	deps := console.Deps{
		Store:    b.store,
		API:      api.New(api.Deps{}).Document,
		Auth:     b.auth,
		Refusals: desk.NewRefusals(b.store, b.clock.Now, slog.New(telemetry.Log(slog.NewTextHandler(b.log, nil)))),
		Settings: desktest.Always(console.Settings{
			Sources: []console.Source{
				{
					Name: "genesys", URL: "http://handler.internal:9090/genesys?code=s3cret", MaxAttempts: 5,
					Setup: doctor.Setup{Open: true},
				},
			},
		}),
		Chain: func() store.AuditResult {
			return store.AuditResult{At: b.clock.Now(), AuditReport: store.AuditReport{Events: 1204}}
		},
		Now:    b.clock.Now,
		Health: func(string) delivery.DestinationHealth { return delivery.DestinationHealth{} },
		Reload: func() console.ReloadStatus { return console.ReloadStatus{} },
		Ledger: func() ledger.State { return ledger.State{At: b.clock.Now()} },

		OnTheirWay: func(context.Context) (int, error) { return int(b.onTheirWay.Load()), nil },
		Log:        slog.New(telemetry.Log(slog.NewTextHandler(b.log, nil))),
	}
	withDesk(&deps, func(*desk.Deps) {})
	for _, change := range changes {
		change(&deps)
	}
	b.desk = deps.Desk
	b.handler = console.New(deps)
	b.server = httptest.NewServer(b.handler)
	t.Cleanup(b.server.Close)
	return b
}

// configure changes the settings of a console.
func configure(d *console.Deps, change func(s *console.Settings)) {
	s := d.Settings()
	change(&s)
	d.Settings = desktest.Always(s)
}

func masks() *redact.Masks {
	return desktest.Masks("genesys", redact.Options{
		Headers: []string{"X-Tenant"}, Paths: []payload.Path{{"customer", "ssn"}},
	})
}

// withDesk gives a console a desk that knows the source genesys, or what change makes of it.
func withDesk(d *console.Deps, change func(*desk.Deps)) {
	orders := desk.Deps{
		Store:   d.Store,
		Sources: desktest.Always([]desk.Source{{Name: "genesys"}}),
		Masks:   desktest.Always(masks()),
		Kick:    func() {},
		Now:     d.Now,
	}
	change(&orders)
	d.Desk = desk.New(orders)
}

// receive puts a message with secrets in all places into the store.
func (b bundle) receive(t *testing.T, id string, changes ...func(*deadletter.Capture)) deadletter.Message {
	t.Helper()
	c := desktest.Failure(id, 422, b.clock.Now())
	c.Body = []byte(
		`{"eventType":"conversation:updated","customer":{"name":"Ann","ssn":"078-05-1120"},"n":12345678901234567890}`,
	)
	c.Headers["X-Tenant"], c.Headers["X-Note"] = []string{"tenant-s3cret"}, []string{"a", "b <i>"}
	c.Headers["X-Hub-Signature-256"] = []string{"sha256=s3cret"}
	c.Query = "token=s3cret&page=2"
	c.FirstAttempt.ResponseHeaders["Set-Cookie"] = []string{"id=s3cret"}
	c.FirstAttempt.ResponseBody = []byte(`{"error":"field id is missing","echo":1,"customer":{"ssn":"078-05-1120"}}`)
	c.Queue = deadletter.QueueFacts{
		Queue: "dlq",
		Attributes: []deadletter.QueueAttribute{
			{Name: "ApiToken", Type: "String", Value: "s3cret"},
			{Name: "Shard", Type: "String", Value: "7"},
		},
	}
	for _, change := range changes {
		change(&c)
	}
	return desktest.Receive(t, b.store, c)
}

// secrets are the values that receive puts in, and that no page may show.
func secrets() []string { return []string{"s3cret", "078-05-1120"} }

// finish ends the delivery of a message that was ordered.
func (b bundle) finish(t *testing.T, id deadletter.ID, outcome deadletter.Outcome, code int) {
	t.Helper()
	err := b.store.Write(t.Context(), func(ctx context.Context, tx *store.Tx) error {
		l, err := tx.Message(ctx, id)
		if err != nil {
			return err
		}
		opened, err := l.Claim(deadletter.Lease{Token: "t", Until: b.clock.Now().Add(time.Minute)}, "", b.clock.Now())
		if err != nil {
			return err
		}
		if err := tx.Apply(ctx, opened); err != nil {
			return err
		}
		a := *opened.Attempt
		a.Outcome, a.StatusCode, a.Latency = outcome, code, 84*time.Millisecond
		switch outcome {
		case deadletter.ErrorResponse:
			a.Error = "The handler answered: still broken"
		case deadletter.Unknown:
			a.Error = "No answer within 10s: the handler may have processed it"
		case deadletter.Delivered, deadletter.Unreachable:
		}
		closed, err := opened.After.Finish("t", a, deadletter.RetryPolicy{}, 0, b.clock.Now())
		if err != nil {
			return err
		}
		return tx.Apply(ctx, closed)
	})
	if err != nil {
		t.Fatal(err)
	}
}

func (b bundle) events(t *testing.T) []store.EventRow {
	t.Helper()
	page, err := b.store.Events(t.Context(), store.EventQuery{Limit: 200})
	if err != nil {
		t.Fatal(err)
	}
	return page.Items
}

// person is a browser that follows no redirect.
type person struct {
	t      *testing.T
	client *http.Client
	base   string
}

func (b bundle) stranger(t *testing.T) person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return person{t, &http.Client{Jar: jar, CheckRedirect: stay}, b.server.URL}
}

// member returns a signed-in browser.
func (b bundle) member(t *testing.T, name string, role deadletter.Role) person {
	t.Helper()
	if err := b.auth.AddUser(t.Context(), deadletter.System(), name, string(role), password); err != nil {
		t.Fatal(err)
	}
	p := b.stranger(t)
	if a := p.post("/signin", form("name", name, "password", password)); a.status != http.StatusSeeOther {
		t.Fatalf("signing in answers %d", a.status)
	}
	return p
}

type answer struct {
	t      *testing.T
	status int
	header http.Header
	text   string
}

func (p person) get(path string, headers ...string) answer {
	p.t.Helper()
	return p.do(http.MethodGet, path, nil, headers...)
}

func (p person) post(path string, values url.Values, headers ...string) answer {
	p.t.Helper()
	return p.do(http.MethodPost, path, values, headers...)
}

// htmx is the header by which a part of a page is asked for.
func htmx() []string { return []string{"HX-Request", "true"} }

func (p person) do(method, path string, values url.Values, headers ...string) answer {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(values.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	got, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer{p.t, got.StatusCode, got.Header, string(text)}
}

func form(pairs ...string) url.Values {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	return values
}

// order is the form of an action on one message.
func order(version int, more ...string) url.Values {
	return form(append([]string{"version", strconv.Itoa(version)}, more...)...)
}

func (a answer) doc() *goquery.Document {
	a.t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(a.text))
	if err != nil {
		a.t.Fatal(err)
	}
	return doc
}

// says returns the text at a selector, with its white space made single.
func (a answer) says(selector string) string {
	a.t.Helper()
	return strings.Join(strings.Fields(a.doc().Find(selector).Text()), " ")
}

func (a answer) count(selector string) int {
	a.t.Helper()
	return a.doc().Find(selector).Length()
}

// fields returns the values that a form would send as it stands.
func (a answer) fields(selector string) url.Values {
	a.t.Helper()
	values := url.Values{}
	a.doc().Find(selector).Find("input[name], textarea[name], select[name]").Each(func(_ int, s *goquery.Selection) {
		name := s.AttrOr("name", "")
		_, disabled := s.Attr("disabled")
		_, checked := s.Attr("checked")
		switch kind := s.AttrOr("type", ""); {
		case disabled, (kind == "checkbox" || kind == "radio") && !checked:
		case goquery.NodeName(s) == "textarea":
			// A browser drops the first line feed (so did the parser of this test) and writes every line end as CR LF.
			values.Add(name, strings.ReplaceAll(s.Text(), "\n", "\r\n"))
		case goquery.NodeName(s) == "select":
			values.Add(name, s.Find("option[selected]").AttrOr("value", ""))
		default:
			values.Add(name, s.AttrOr("value", ""))
		}
	})
	return values
}
