package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"dlqdesk/internal/api"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/ledger"
	"dlqdesk/internal/queue"
	"dlqdesk/internal/redact"
	"dlqdesk/internal/store"
)

// bundle is the API on a real store, behind a real server.
type bundle struct {
	store  *store.Store
	auth   *auth.Auth
	clock  *desktest.Clock
	api    *api.API
	server *httptest.Server
	tokens map[string]string // secrets, by what they are
	path   string            // of the store
	stop   func()
}

func setup(t *testing.T) bundle {
	t.Helper()
	b := start(t, desktest.NewStoreFile(t))
	for name, role := range map[string]deadletter.Role{
		"vera": deadletter.Viewer, "olga": deadletter.Operator, "adam": deadletter.Admin,
	} {
		if err := b.auth.AddUser(
			t.Context(),
			deadletter.System(),
			name,
			string(role),
			"correct horse battery",
		); err != nil {
			t.Fatal(err)
		}
		b.tokens[name] = b.token(t, name, deadletter.TokenInput{Name: "ci", Role: role})
	}
	b.tokens["limited"] = b.token(t, "olga", deadletter.TokenInput{
		Name: "cx", Role: deadletter.Operator, Sources: []string{"cxone"},
	})
	return b
}

// start serves the API of the store in a file.
func start(t *testing.T, path string) bundle {
	t.Helper()
	b := bundle{clock: desktest.NewClock(), tokens: map[string]string{}, path: path}
	var err error
	if b.store, err = store.Open(t.Context(), path, desktest.Key(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	endSearch := desktest.Search(t, b.store, desktest.NoMasks())
	cheap := argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
	b.auth = auth.New(b.store, auth.Settings{Hashing: cheap}, b.clock.Now)
	orders := desk.New(desk.Deps{
		Store:   b.store,
		Masks:   desktest.Always(redact.NewMasks(nil, nil).InForceSince(b.clock.Now().Add(-time.Hour))),
		Kick:    func() {},
		Now:     b.clock.Now,
		Sources: desktest.Always([]desk.Source{{Name: "genesys"}, {Name: "cxone"}}),
		Ledger:  unbalanced{b.clock},
		Sinks: desktest.Always(
			[]desk.AlertSink{{Name: "ops", Kind: "slack", Routes: []string{"all"}}},
		),
		Tell: func() {},
	})
	b.api = api.New(api.Deps{
		Desk:    orders,
		Auth:    b.auth,
		Store:   b.store,
		Now:     b.clock.Now,
		Log:     slog.New(slog.DiscardHandler),
		Sources: desktest.Always([]api.Source{{Name: "genesys", Breaker: "closed"}, {Name: "cxone", Breaker: "open"}}),
		Queues: []desk.Queue{
			waiting(),
		},
		Refused: desk.NewRefusals(b.store, b.clock.Now, slog.New(slog.DiscardHandler)),
		Config: desktest.Always(
			[]api.Setting{{Key: "sources.genesys.verify.secrets", Value: "env:S •••", From: "dlqdesk.yaml:4"}},
		),
		Reload:     desktest.Always(api.Reload{Fault: []string{"line 3: no"}}),
		Chain:      desktest.Always(store.AuditResult{}),
		URL:        desktest.Always("https://desk.example"),
		OnTheirWay: func(context.Context) (int, error) { return 2, nil },
	})
	b.server = httptest.NewServer(b.api)
	b.stop = sync.OnceFunc(func() {
		b.api.CloseStreams()
		b.server.Close()
		endSearch()
		if err := b.store.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
	})
	t.Cleanup(b.stop)
	return b
}

// unbalanced is a ledger in which one webhook of each source is missing.
type unbalanced struct{ clock *desktest.Clock }

func (l unbalanced) State() ledger.State {
	state := ledger.State{At: l.clock.Now()}
	for _, source := range []string{"genesys", "cxone"} {
		state.Imbalances = append(state.Imbalances, ledger.Imbalance{
			Hour: time.Date(2026, 3, 2, 8, 0, 0, 0, time.UTC), Source: source, Stage: ledger.StageMessages, Missing: 1,
		})
	}
	return state
}

func (unbalanced) Reload(context.Context) error { return nil }

// waiting is a queue on which one message waits.
func waiting() desk.Queue {
	return desk.Queue{
		Name: "dlq", Holds: desk.DLQHolds,
		Depth: func(context.Context) (queue.Depth, error) { return queue.Depth{Visible: 1}, nil },
		Browse: func(_ context.Context, q queue.BrowseQuery, fn func(queue.BrowsedMessage) error) error {
			if q.After > 0 || q.InFlight {
				return nil
			}
			body := []byte(`{"messageId":"q-1","originalPayload":{},"errorReason":"refused"}`)
			return fn(queue.BrowsedMessage{Number: 1, ID: "x", Body: body, Size: len(body)})
		},
	}
}

// token makes a token of a user and returns its secret.
func (b bundle) token(t *testing.T, user string, in deadletter.TokenInput) string {
	t.Helper()
	u, err := b.store.User(t.Context(), user)
	if err != nil {
		t.Fatal(err)
	}
	by := deadletter.User(u.Name, u.Role, "192.0.2.1")
	_, secret, err := b.auth.AddToken(t.Context(), by, in, func(string) bool { return true })
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// receive stores a message of a source that failed.
func (b bundle) receive(t *testing.T, id, source string) deadletter.Message {
	t.Helper()
	c := desktest.Failure(id, 422, b.clock.Now())
	c.Source = source
	return desktest.Receive(t, b.store, c)
}

type answer struct {
	status int
	header http.Header
	text   string
}

// ask sends a request with a token; header are names and values in turn.
func (b bundle) ask(t *testing.T, secret, method, path, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, b.server.URL+api.Path+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if secret != "" {
		r.Header.Set("Authorization", "Bearer "+secret)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	var text []byte
	if response.Header.Get("Content-Type") != "text/event-stream" { // which does not end
		text, err = io.ReadAll(response.Body)
	}
	_ = response.Body.Close()
	if err != nil {
		t.Fatal(err)
	}
	b.clock.Add(100 * time.Millisecond) // within the rate of a token
	return answer{response.StatusCode, response.Header, string(text)}
}

// read parses an answer.
func read[T any](t *testing.T, a answer, status int) (v T) {
	t.Helper()
	if a.status != status {
		t.Fatalf("it answers %d, want %d: %s", a.status, status, a.text)
	}
	if err := json.Unmarshal([]byte(a.text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// A message is found by a query, read whole, and replayed for the version that was read.
func TestMessageIsFoundReadAndReplayed(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", "genesys")
	b.receive(t, "b-2", "cxone")
	olga := b.tokens["olga"]
	found := read[struct {
		Items  []api.Message
		Counts map[string]int
	}](t, b.ask(t, olga, "GET", "/messages?q=source:genesys", ""), http.StatusOK)
	if len(found.Items) != 1 || found.Items[0].ID != "a-1" || found.Counts["failed"] != 1 ||
		len(found.Counts) != len(deadletter.Statuses()) { // those that nothing has are 0, and not missing
		t.Fatalf("found %+v", found)
	}
	seen := b.ask(t, olga, "GET", "/messages/a-1", "")
	if v := read[api.MessageView](t, seen, http.StatusOK); !slices.Contains(v.Allowed, "replay") ||
		v.Error != m.Reason || v.Refused["restore"] == "" || len(v.Asks) != 0 {
		t.Errorf("it is %+v", v)
	}
	attempts := read[api.PageOf[api.Attempt]](t, b.ask(t, olga, "GET", "/messages/a-1/attempts", ""), http.StatusOK)
	if len(attempts.Items) != 1 || attempts.Items[0].StatusCode != 422 {
		t.Errorf("its attempts are %+v", attempts)
	}
	body := b.ask(t, olga, "GET", "/messages/a-1/revisions/0/body", "")
	if body.status != http.StatusOK || !strings.Contains(body.text, "conversation") {
		t.Errorf("its body is %d %s", body.status, body.text)
	}

	first := b.ask(t, olga, "POST", "/messages/a-1/replay", "", "If-Match", seen.header.Get("ETag"))
	if v := read[api.MessageView](t, first, http.StatusOK); v.Status != "replaying" || v.Version != 1 {
		t.Errorf("after its replay it is %+v", v)
	}
	again := b.ask(t, olga, "POST", "/messages/a-1/replay", "", "If-Match", seen.header.Get("ETag"))
	if p := read[api.Problem](t, again, http.StatusConflict); p.Type != "urn:dlqdesk:problem:conflict" ||
		!strings.Contains(p.Detail, "ci of olga") || again.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("the second replay is answered %+v", p)
	}
	events, err := b.store.Events(t.Context(), store.EventQuery{
		EventFilter: store.EventFilter{Action: "message.replay"}, Limit: 5,
	})
	if err != nil || len(events.Items) != 1 || events.Items[0].Actor != deadletter.ActorToken ||
		events.Items[0].By != "ci of olga" {
		t.Errorf("the audit trail has %+v, %v", events.Items, err)
	}
}

// A message says which confirmations sending it asks for, before it is sent.
func TestMessageSaysWhatItAsksFor(t *testing.T) {
	t.Parallel()
	b := setup(t)
	desktest.Receive(t, b.store, desktest.Failure("a-1", 0, b.clock.Now()))
	seen := b.ask(t, b.tokens["olga"], "GET", "/messages/a-1", "")
	if v := read[api.MessageView](t, seen, http.StatusOK); !slices.Equal(v.Asks, []string{"confirmUnknown"}) {
		t.Errorf("it asks for %q", v.Asks)
	}
	refused := b.ask(t, b.tokens["olga"], "POST", "/messages/a-1/replay", "")
	if p := read[api.Problem](t, refused, http.StatusConflict); p.Field != "confirmUnknown" {
		t.Errorf("its replay is answered %+v", p)
	}
}

// What a token may do is what its role and its user may do, and nothing without one.
func TestTokensMayWhatTheirUsersMay(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", "genesys")
	high := b.token(t, "adam", deadletter.TokenInput{Name: "high", Role: deadletter.Admin})
	if err := b.auth.SetRole(t.Context(), deadletter.System(), "adam", "viewer"); err == nil {
		t.Fatal("the last admin lost the role")
	}
	if err := b.auth.AddUser(t.Context(), deadletter.System(), "root", "admin", "correct horse battery"); err != nil {
		t.Fatal(err)
	}
	if err := b.auth.SetRole(t.Context(), deadletter.System(), "adam", "viewer"); err != nil {
		t.Fatal(err)
	}
	gone := b.token(t, "olga", deadletter.TokenInput{Name: "gone", Role: deadletter.Operator, Days: 1})
	for name, c := range map[string]struct {
		secret string
		status int
	}{
		"no token":           {"", http.StatusUnauthorized},
		"no token of ours":   {"abc", http.StatusUnauthorized},
		"wrong checksum":     {b.tokens["olga"][:40] + "zz", http.StatusUnauthorized},
		"viewer":             {b.tokens["vera"], http.StatusForbidden},
		"of a lowered user":  {high, http.StatusForbidden},
		"of another source":  {b.tokens["limited"], http.StatusNotFound},
		"one that may do it": {gone, http.StatusOK},
	} {
		if a := b.ask(t, c.secret, "POST", "/messages/a-1/archive", `{"reason":"test"}`); a.status != c.status {
			t.Errorf("%s: answered %d %s", name, a.status, a.text)
		}
	}
	b.clock.Add(25 * time.Hour)
	if a := b.ask(t, gone, "GET", "/me", ""); a.status != http.StatusUnauthorized ||
		!strings.Contains(a.text, "expired") || a.header.Get("WWW-Authenticate") == "" {
		t.Errorf("an expired token is answered %d %s", a.status, a.text)
	}
	if err := b.auth.Disable(t.Context(), deadletter.System(), "olga"); err != nil {
		t.Fatal(err)
	}
	if a := b.ask(t, b.tokens["olga"], "GET", "/me", ""); a.status != http.StatusUnauthorized {
		t.Errorf("the token of a disabled user is answered %d", a.status)
	}
}

// A token that is limited to some sources reaches nothing of the others, neither by a list, an id, a query or a job.
func TestLimitedTokenReachesItsSourcesAlone(t *testing.T) {
	t.Parallel()
	b := setup(t)
	m := b.receive(t, "a-1", "genesys")
	own := b.receive(t, "b-2", "cxone")
	limited := b.tokens["limited"]
	for _, path := range []string{"/messages", "/messages?q=source:genesys", "/messages?status=failed", "/causes"} {
		if a := b.ask(t, limited, "GET", path, ""); a.status != http.StatusOK ||
			strings.Contains(a.text, `"source":"genesys"`) {
			t.Errorf("%s answers %d %s", path, a.status, a.text)
		}
	}
	job := b.ask(t, b.tokens["olga"], "POST", "/jobs", `{"action":"replay","status":"failed"}`)
	other := "/jobs/" + strconv.FormatInt(read[api.Job](t, job, http.StatusCreated).ID, 10)
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/messages/a-1", ""},
		{"GET", "/messages/a-1/attempts", ""},
		{"GET", "/messages/a-1/revisions", ""},
		{"GET", "/messages/a-1/revisions/0/body", ""},
		{"POST", "/messages/a-1/replay", ""},
		{"POST", "/messages/a-1/archive", `{"reason":"test"}`},
		{"POST", "/messages/a-1/edit", `{"body":"{}","reason":"test"}`},
		{"GET", "/causes/" + m.Fingerprint, ""},
		{"GET", "/causes/" + m.Fingerprint + "/notes", ""},
		{"POST", "/causes/" + m.Fingerprint + "/notes", `{"text":"test"}`},
		{"POST", "/causes/" + m.Fingerprint + "/claim", ""},
		{"POST", "/jobs", `{"action":"replay","messages":["a-1"]}`},
		{"GET", other, ""},
		{"POST", other + "/start", `{}`},
		{"POST", other + "/cancel", ""},
		{"POST", "/sources/genesys/probe", ""},
	} {
		if a := b.ask(t, limited, c.method, c.path, c.body); a.status != http.StatusNotFound {
			t.Errorf("%s %s answers %d %s", c.method, c.path, a.status, a.text)
		}
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Version != 0 {
		t.Errorf("it changed the message: %+v", got)
	}
	for _, path := range []string{"/audit", "/jobs"} {
		if a := b.ask(t, limited, "GET", path, ""); a.status != http.StatusForbidden {
			t.Errorf("%s answers %d", path, a.status)
		}
	}
	drafted := read[api.Job](t, b.ask(t, limited, "POST", "/jobs", `{"action":"replay","status":"failed"}`), 201)
	if drafted.Messages.Total != 1 {
		t.Errorf("its job has %d messages", drafted.Messages.Total)
	}
	if a := b.ask(t, limited, "POST", "/causes/"+own.Fingerprint+"/claim", `{"hours":4}`); a.status != http.StatusOK {
		t.Errorf("it cannot claim its own cause: %d %s", a.status, a.text)
	}
}

// A job is drafted, started with steps, steered and read. Above the limit its number has to be given.
func TestJobIsDraftedAndSteered(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for i := range 3 {
		b.receive(t, fmt.Sprintf("a-%d", i), "genesys")
	}
	olga := b.tokens["olga"]
	drafted := b.ask(t, olga, "POST", "/jobs", `{"action":"replay","query":"source:genesys","status":"failed"}`)
	if j := read[api.Job](t, drafted, http.StatusCreated); j.State != "draft" || j.Messages.Total != 3 {
		t.Fatalf("the draft is %+v", j)
	}
	path := strings.TrimPrefix(drafted.header.Get("Location"), api.Path)
	started := b.ask(t, olga, "POST", path+"/start", `{"steps":[1],"rate":5}`)
	if j := read[api.Job](t, started, http.StatusAccepted); j.State != "running" || len(j.Steps) != 2 || j.Rate != 5 {
		t.Errorf("the job is %+v", j)
	}
	for _, c := range []struct{ order, body, state string }{
		{"pause", "", "paused"},
		{"resume", "", "running"},
		{"pace", `{"rate":9,"concurrency":2}`, "running"},
		{"cancel", "", "cancelled"},
	} {
		a := b.ask(t, olga, "POST", path+"/"+c.order, c.body)
		var j api.Job
		if err := json.Unmarshal([]byte(a.text), &j); err != nil || j.State != c.state {
			t.Errorf("%s: %d %s", c.order, a.status, a.text)
		}
	}
	if a := b.ask(t, olga, "POST", path+"/start", `{}`); a.status != http.StatusConflict {
		t.Errorf("a cancelled job is started: %d %s", a.status, a.text)
	}
}

// Why a job was paused can be the error of a delivery: nothing is told of one from before the present masks.
func TestPauseReasonFromBeforeTheMasksIsHidden(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for age, shown := range map[time.Duration]bool{2 * time.Hour: false, time.Minute: true} {
		j := desktest.HaltedJob(t, b.store, "no customer 078-05-1120", b.clock.Now().Add(-age))
		a := b.ask(t, b.tokens["olga"], "GET", "/jobs/"+j.ID.String(), "")
		got := read[api.Job](t, a, http.StatusOK)
		if strings.Contains(a.text, "078") != shown || got.PauseReason == "" {
			t.Errorf("of %s ago: %s", age, a.text)
		}
	}
}

// A request with the same Idempotency-Key happens once, is answered the same, and only to the same token.
func TestRepeatedRequestHappensOnce(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.receive(t, "a-1", "genesys")
	olga := b.tokens["olga"]
	first := b.ask(t, olga, "POST", "/messages/a-1/archive", `{"reason":"test"}`, "Idempotency-Key", "k-1")
	again := b.ask(t, olga, "POST", "/messages/a-1/archive", `{"reason":"test"}`, "Idempotency-Key", "k-1")
	if first.status != http.StatusOK || again.status != first.status || again.text != first.text ||
		again.header.Get("ETag") != first.header.Get("ETag") || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("the second answer is %d %s", again.status, again.text)
	}
	if got := desktest.Message(t, b.store, "a-1"); got.Version != 1 {
		t.Errorf("the message was changed %d times", got.Version)
	}
	other := b.ask(t, olga, "POST", "/messages/a-1/restore", "", "Idempotency-Key", "k-1")
	if other.status != http.StatusUnprocessableEntity {
		t.Errorf("another request with the key is answered %d %s", other.status, other.text)
	}
	if a := b.ask(t, b.tokens["adam"], "POST", "/messages/a-1/restore", "", "Idempotency-Key", "k-1"); a.status != 200 {
		t.Errorf("the same key of another token is answered %d %s", a.status, a.text)
	}
	refused := b.ask(t, olga, "POST", "/messages/a-1/restore", "", "Idempotency-Key", "k-2")
	if a := b.ask(t, olga, "POST", "/messages/a-1/restore", "", "Idempotency-Key", "k-2"); a.status != refused.status ||
		a.text != refused.text || refused.status != http.StatusConflict {
		t.Errorf("a refusal is repeated as %d %s, was %d %s", a.status, a.text, refused.status, refused.text)
	}
	b.clock.Add(25 * time.Hour)
	if a := b.ask(
		t,
		olga,
		"POST",
		"/messages/a-1/archive",
		`{"reason":"again"}`,
		"Idempotency-Key",
		"k-1",
	); a.status != 200 {
		t.Errorf("after a day the key is answered %d %s", a.status, a.text)
	}
}

// A token has so many requests a second; others are told how long to wait.
func TestRequestsOfATokenAreLimited(t *testing.T) {
	t.Parallel()
	b := setup(t)
	var last answer
	for range 200 {
		last = b.ask(t, b.tokens["vera"], "GET", "/me", "")
		b.clock.Add(-100 * time.Millisecond) // no time passes
		if last.status != http.StatusOK {
			break
		}
	}
	if p := read[api.Problem](t, last, http.StatusTooManyRequests); p.Type != "urn:dlqdesk:problem:rate-limited" ||
		last.header.Get("Retry-After") == "" || last.header.Get("RateLimit") == "" {
		t.Errorf("the limit is answered %+v %v", p, last.header)
	}
	if a := b.ask(t, b.tokens["olga"], "GET", "/me", ""); a.status != http.StatusOK {
		t.Errorf("another token is limited as well: %d", a.status)
	}
	b.clock.Add(time.Second)
	if a := b.ask(t, b.tokens["vera"], "GET", "/me", ""); a.status != http.StatusOK {
		t.Errorf("after a second it answers %d", a.status)
	}
}

// The database has no secret of a token.
func TestSecretIsStoredNowhere(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for name, secret := range b.tokens {
		if !strings.HasPrefix(secret, "dqd_") || len(secret) != 42 {
			t.Errorf("the secret of %s is %q", name, secret)
		}
		list, err := b.store.Tokens(context.Background(), strings.Replace(name, "limited", "olga", 1))
		if err != nil || len(list) == 0 {
			t.Fatalf("the tokens are %v, %v", list, err)
		}
		for _, token := range list {
			if strings.Contains(fmt.Sprint(token), secret[8:]) {
				t.Errorf("the store has the secret of %s", name)
			}
		}
	}
}
