package auth_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desktest"
	"dlqdesk/internal/store"
)

const password = "correct horse battery"

// bundle is an Auth behind a server that does no more than call it.
type bundle struct {
	*auth.Auth
	store  *store.Store
	clock  *desktest.Clock
	server *httptest.Server
}

// cheap makes tests fast; what is tested does not depend on what a guess costs.
func cheap() argon2id.Params {
	return argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

func setup(t *testing.T, settings auth.Settings) bundle {
	t.Helper()
	b := bundle{store: desktest.NewStore(t), clock: desktest.NewClock()}
	b.clock.Add(time.Since(b.clock.Now())) // the session manager knows no time but the real one
	if settings.Hashing == (argon2id.Params{}) {
		settings.Hashing = cheap()
	}
	b.Auth = auth.New(b.store, settings, b.clock.Now)
	fail := func(w http.ResponseWriter, _ *http.Request, err error) {
		status := map[deadletter.Kind]int{
			deadletter.Unauthenticated: 401, deadletter.RateLimited: 429, deadletter.Invalid: 422,
			deadletter.Forbidden: 403, deadletter.Conflict: 409,
		}[deadletter.KindOf(err)]
		http.Error(w, err.Error(), max(status, 400))
	}
	answer := func(do func(w http.ResponseWriter, r *http.Request) error) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if err := do(w, r); err != nil {
				fail(w, r, err)
			}
		}
	}
	mux := http.NewServeMux()
	mux.Handle("POST /in", answer(func(w http.ResponseWriter, r *http.Request) error {
		if err := b.Throttle(w, r, r.FormValue("name")); err != nil {
			return err
		}
		return b.SignIn(r.Context(), r.FormValue("name"), r.FormValue("password"), auth.Addr(r))
	}))
	mux.Handle("POST /setup", answer(func(_ http.ResponseWriter, r *http.Request) error {
		return b.SetUp(r.Context(), r.FormValue("token"), r.FormValue("name"), r.FormValue("password"), auth.Addr(r))
	}))
	members := b.Require(fail)
	mux.Handle("GET /me", members(answer(func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, auth.Actor(r.Context()).Name+" "+string(auth.Actor(r.Context()).Role))
		return err
	})))
	mux.Handle("POST /out", members(answer(func(_ http.ResponseWriter, r *http.Request) error {
		return b.SignOut(r.Context(), auth.Actor(r.Context()))
	})))
	mux.Handle("POST /password", members(answer(func(_ http.ResponseWriter, r *http.Request) error {
		return b.ChangePassword(r.Context(), auth.Actor(r.Context()), r.FormValue("current"), r.FormValue("next"))
	})))
	b.server = httptest.NewTLSServer(b.Sessions(fail)(mux))
	t.Cleanup(b.server.Close)
	return b
}

func (b bundle) add(t *testing.T, name string, role deadletter.Role) {
	t.Helper()
	if err := b.AddUser(t.Context(), deadletter.System(), name, string(role), password); err != nil {
		t.Fatal(err)
	}
}

// person is a browser.
type person struct {
	t      *testing.T
	client *http.Client
	base   string
}

func (b bundle) person(t *testing.T) person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return person{t, &http.Client{Transport: b.server.Client().Transport, Jar: jar}, b.server.URL}
}

func (p person) do(method, path string, form url.Values) (int, string) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		p.t.Fatal(err)
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	answer, err := p.client.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

func (p person) signIn(name, password string) int {
	p.t.Helper()
	status, _ := p.do("POST", "/in", url.Values{"name": {name}, "password": {password}})
	return status
}

func (p person) me() string {
	p.t.Helper()
	status, text := p.do("GET", "/me", nil)
	if status != http.StatusOK {
		return ""
	}
	return text
}

func (p person) token() string {
	p.t.Helper()
	at, err := url.Parse(p.base)
	if err != nil {
		p.t.Fatal(err)
	}
	for _, cookie := range p.client.Jar.Cookies(at) {
		if strings.Contains(cookie.Name, "dlqdesk_session") {
			return cookie.Value
		}
	}
	return ""
}

// actions returns the audit trail, oldest first.
func (b bundle) actions(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, e := range b.events(t) {
		list = append(list, e.Action+" by "+e.By)
	}
	return list
}

func (b bundle) events(t *testing.T) []store.EventRow {
	t.Helper()
	page, err := b.store.Events(t.Context(), store.EventQuery{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	slices.Reverse(page.Items)
	return page.Items
}

func TestSignInAndOut(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Operator)
	p := b.person(t)
	if got := p.me(); got != "" {
		t.Errorf("a stranger is %q", got)
	}
	if status := p.signIn("anna", "wrong password"); status != 401 || p.me() != "" {
		t.Errorf("a wrong password answers %d, and lets in %q", status, p.me())
	}
	if status := p.signIn("ANNA", password); status != 200 || p.me() != "anna operator" {
		t.Errorf("signing in answers %d, and lets in %q", status, p.me())
	}
	stolen := b.person(t)
	stolen.client.Jar = p.client.Jar
	if status, _ := p.do("POST", "/out", nil); status != 200 || stolen.me() != "" {
		t.Errorf("after signing out (%d) the session lets in %q", status, stolen.me())
	}
	want := []string{
		"user.add by system", "user.sign_in_refused by anna", "user.sign_in by anna", "user.sign_out by anna",
	}
	if got := b.actions(t); !slices.Equal(got, want) {
		t.Errorf("the audit trail has %q, want %q", got, want)
	}
	if e := b.events(t)[2]; e.Addr != "127.0.0.1" || e.Target != "anna" || e.TargetKind != "user" {
		t.Errorf("event %+v", e)
	}
}

func TestNamesCannotBeProbed(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{Hashing: auth.DefaultHashing()})
	b.add(t, "anna", deadletter.Viewer)
	fastest := map[string]time.Duration{"anna": time.Hour, "nobody": time.Hour}
	texts := map[string]string{}
	for range 3 {
		for name := range fastest {
			start := time.Now()
			err := b.SignIn(t.Context(), name, "wrong password", "192.0.2.1")
			fastest[name] = min(fastest[name], time.Since(start))
			texts[name] = err.Error()
		}
	}
	if texts["anna"] != texts["nobody"] {
		t.Errorf("the answers differ: %q", texts)
	}
	if fastest["nobody"] < fastest["anna"]/2 {
		t.Errorf("an unknown name is told sooner: %v", fastest)
	}
}

func TestAuditTrailLimitsUnknownNames(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	for _, name := range []string{"a\nb\x1b[2J\u202e\xff", strings.Repeat("ä", 500)} {
		if err := b.SignIn(t.Context(), name, "wrong password", "192.0.2.1"); deadletter.KindOf(
			err,
		) != deadletter.Unauthenticated {
			t.Fatal(err)
		}
	}
	events := b.events(t)
	if events[0].By != "a?b?[2J?\uFFFD" || len(events[1].By) > 64 || events[1].By != strings.Repeat("ä", 32) {
		t.Errorf("the trail has %q and %q", events[0].By, events[1].By)
	}
}

func TestSignInRenewsTheSession(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Viewer)
	p, planted := b.person(t), b.person(t)
	at, _ := url.Parse(b.server.URL)
	planted.client.Jar.SetCookies(
		at, []*http.Cookie{{Name: "dlqdesk_session", Value: "planted-by-somebody-else", Path: "/"}},
	)
	p.signIn("anna", password)
	planted.signIn("anna", password)
	first := p.token()
	p.signIn("anna", password)
	if p.token() == first || planted.token() == "planted-by-somebody-else" {
		t.Error("signing in keeps a token that was known before")
	}
	old := b.person(t)
	old.client.Jar.SetCookies(at, []*http.Cookie{{Name: "dlqdesk_session", Value: first, Path: "/"}})
	if old.me() != "" {
		t.Error("the token from before still lets in")
	}
}

func TestCookieFlags(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		t.Run(fmt.Sprintf("secure=%t", secure), func(t *testing.T) {
			b := setup(t, auth.Settings{Secure: secure})
			b.add(t, "anna", deadletter.Viewer)
			r := httptest.NewRequestWithContext(
				t.Context(), "POST", "/in",
				strings.NewReader(url.Values{"name": {"anna"}, "password": {password}}.Encode()),
			)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			b.server.Config.Handler.ServeHTTP(w, r)
			cookies := w.Result().Cookies()
			if len(cookies) != 1 {
				t.Fatalf("%d cookies", len(cookies))
			}
			c := cookies[0]
			name := map[bool]string{false: "dlqdesk_session", true: "__Host-dlqdesk_session"}[secure]
			if c.Name != name || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != secure ||
				c.Path != "/" ||
				c.Domain != "" ||
				len(c.Value) < 40 {
				t.Errorf("secure %v: cookie %v", secure, c)
			}
		})
	}
}

func TestPasswordChangeEndsOtherSessions(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Viewer)
	p, other := b.person(t), b.person(t)
	p.signIn("anna", password)
	other.signIn("anna", password)
	before := p.token()
	for form, want := range map[string]int{
		"wrong password|another long one": 422, password + "|short": 422,
		password + "|another long one": 200,
	} {
		t.Run(fmt.Sprintf("%.20q", form), func(t *testing.T) {
			current, next, _ := strings.Cut(form, "|")
			if want == 200 {
				return
			}
			if status, _ := p.do(
				"POST", "/password", url.Values{"current": {current}, "next": {next}},
			); status != want ||
				other.me() == "" {
				t.Errorf("%s answers %d", form, status)
			}
		})
	}
	if status, text := p.do(
		"POST", "/password", url.Values{"current": {password}, "next": {"another long one"}},
	); status != 200 {
		t.Fatalf("changing the password answers %d %s", status, text)
	}
	if p.me() == "" || p.token() == before {
		t.Errorf("one's own session does not go on under a new token: %q", p.me())
	}
	if other.me() != "" {
		t.Error("the other session goes on")
	}
	if other.signIn("anna", password) != 401 || other.signIn("anna", "another long one") != 200 {
		t.Error("the new password does not replace the old one")
	}
	if got := b.actions(t); !slices.Contains(got, "user.password by anna") {
		t.Errorf("the audit trail has %q", got)
	}
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Viewer)
	idle, used := b.person(t), b.person(t)
	idle.signIn("anna", password)
	used.signIn("anna", password)
	b.clock.Add(11 * time.Hour)
	if used.me() == "" {
		t.Error("a session ends before 12 unused hours")
	}
	b.clock.Add(2 * time.Hour)
	if idle.me() != "" {
		t.Error("a session lasts beyond 12 unused hours")
	}
	if used.me() == "" {
		t.Error("a used session ends as if it were unused")
	}
	for range 15 {
		b.clock.Add(10 * time.Hour)
		used.me()
	}
	if used.me() == "" {
		t.Error("a used session ends before 7 days")
	}
	b.clock.Add(6 * time.Hour)
	if used.me() != "" {
		t.Error("a used session lasts beyond 7 days")
	}
}

func TestSetupLinkAddsOneAdmin(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	replaced, err := b.NewSetupLink(t.Context())
	if err != nil || replaced == "" {
		t.Fatalf("%q, %v", replaced, err)
	}
	token, err := b.NewSetupLink(t.Context())
	if err != nil || token == replaced {
		t.Fatalf("%q, %v", token, err)
	}
	statuses := make([]int, 8)
	var people []person
	for range statuses {
		people = append(people, b.person(t))
	}
	var all sync.WaitGroup
	for i := range statuses {
		all.Go(func() {
			statuses[i], _ = people[i].do(
				"POST", "/setup",
				url.Values{"token": {token}, "name": {"admin" + string(rune('a'+i))}, "password": {password}},
			)
		})
	}
	all.Wait()
	won := slices.Index(statuses, 200)
	slices.Sort(statuses)
	if statuses[0] != 200 || statuses[1] != 403 || statuses[7] != 403 {
		t.Errorf("8 uses at once answer %v", statuses)
	}
	if who := people[won].me(); !strings.HasSuffix(who, " admin") {
		t.Errorf("the first user is signed in as %q", who)
	}
	for _, old := range []string{token, replaced, "", "guess"} {
		if err := b.SetupOpen(t.Context(), old); deadletter.KindOf(err) != deadletter.Forbidden {
			t.Errorf("token %q is open: %v", old, err)
		}
	}
	if again, err := b.NewSetupLink(t.Context()); again != "" || err != nil {
		t.Errorf("with a user there is a link %q, %v", again, err)
	}
	name, _, _ := strings.Cut(people[won].me(), " ")
	if got, want := b.actions(t), []string{
		"setup.use by " + name, "user.add by " + name, "user.sign_in by " + name,
	}; !slices.Equal(got, want) {
		t.Errorf("the audit trail has %q, want %q", got, want)
	}
}

func TestAddUser(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Admin)
	admin := deadletter.User("anna", deadletter.Admin, "192.0.2.1")
	for _, test := range []struct {
		by                   deadletter.Actor
		name, role, password string
		want                 deadletter.Kind
	}{
		{deadletter.User("olga", deadletter.Operator, ""), "bert", "viewer", password, deadletter.Forbidden},
		{deadletter.Actor{}, "bert", "viewer", password, deadletter.Unauthenticated},
		{admin, "Anna", "viewer", password, deadletter.Conflict},
		{admin, "bert", "owner", password, deadletter.Invalid},
		{admin, "", "viewer", password, deadletter.Invalid},
		{admin, "be rt", "viewer", password, deadletter.Invalid},
		{admin, "bert\n", "viewer", password, deadletter.Invalid},
		{admin, "System", "viewer", password, deadletter.Invalid},
		{admin, strings.Repeat("b", 65), "viewer", password, deadletter.Invalid},
		{admin, "bert", "viewer", "nine char", deadletter.Invalid},
		{admin, "bert", "viewer", "123456789ä", deadletter.Invalid - 1},
		{admin, "bert2", "viewer", strings.Repeat("x ", 101), deadletter.Invalid},
		{admin, "bert2", "viewer", "aaaaaaaaaaaaaaaa", deadletter.Invalid},
		{admin, "bert2", "viewer", "1234567890", deadletter.Invalid},
		{admin, "bert2", "viewer", "Password123", deadletter.Invalid},
		{admin, "bertram.long", "viewer", "Bertram.Long1", deadletter.Invalid},
	} {
		t.Run(fmt.Sprintf("%.20q as %q", test.name, test.role), func(t *testing.T) {
			err := b.AddUser(t.Context(), test.by, test.name, test.role, test.password)
			if test.want == deadletter.Invalid-1 {
				if err != nil {
					t.Errorf("%q with %q: %v", test.name, test.password, err)
				}
				return
			}
			if err == nil || deadletter.KindOf(err) != test.want {
				t.Errorf("%q %q with %q: %v", test.name, test.role, test.password, err)
			}
		})
	}
	if got := b.actions(t); len(got) != 2 {
		t.Errorf("the audit trail has %q", got)
	}
	u, err := b.store.User(t.Context(), "anna")
	if err != nil || !strings.HasPrefix(u.PasswordHash, "$argon2id$") || strings.Contains(u.PasswordHash, password) {
		t.Errorf("%+v, %v", u, err)
	}
}

func TestSignInAttemptsAreLimited(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Viewer)
	p := b.person(t)
	tries := func(name string) int {
		for n := range 40 {
			if p.signIn(name, "wrong password") == 429 {
				return n
			}
		}
		return 40
	}
	if n := tries("anna"); n != 10 {
		t.Errorf("%d tries for one name", n)
	}
	if p.signIn("anna", password) != 429 || p.signIn("Anna", password) != 429 {
		t.Error("the right password gets past the limit")
	}
	if n := tries("bert"); n != 10 {
		t.Errorf("%d tries for another name", n)
	}
	total := 0
	for _, name := range []string{"c", "d", "e"} {
		total += tries(name)
	}
	if total > 10 {
		t.Errorf("an address has %d tries after 20", total)
	}
	w, r := httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), "POST", "/in", nil)
	r.RemoteAddr = "127.0.0.1:1"
	if err := b.Throttle(w, r, "anna"); deadletter.KindOf(err) != deadletter.RateLimited ||
		w.Header().Get("Retry-After") != "60" {
		t.Errorf("%v, Retry-After %q", err, w.Header().Get("Retry-After"))
	}
	r.RemoteAddr, w = "192.0.2.9:1", httptest.NewRecorder()
	r.Header.Set("X-Forwarded-For", "127.0.0.1")
	if err := b.Throttle(w, r, "anna"); err != nil {
		t.Errorf("somebody else is refused: %v", err)
	}
}

func TestThrottleCountsAnIPv6NetworkAsOne(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	refused := 0
	for i := range 40 {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/in", nil)
		r.RemoteAddr = "[2001:db8::" + string("0123456789abcdef"[i%16]) + string("0123456789abcdef"[i/16]) + "]:1"
		if b.Throttle(httptest.NewRecorder(), r, "anna") != nil {
			refused++
		}
	}
	if refused != 30 {
		t.Errorf("%d of 40 tries from one network were refused", refused)
	}
}

func TestLocalPath(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/messages?status=all": "/messages?status=all", "/messages/a-1": "/messages/a-1", "/audit": "/audit",
		"": "/messages", "https://evil.example/": "/messages", "//evil.example": "/messages",
		"/\\evil.example": "/messages", "\\\\evil.example": "/messages",
		"javascript:alert(1)": "/messages", "messages": "/messages", "/a\r\nb": "/messages",
		"/\t/evil.example": "/messages", "http:/evil": "/messages",
		"///evil.example": "/messages", " //evil.example": "/messages", "@evil.example": "/messages",
	} {
		t.Run(fmt.Sprintf("%q", next), func(t *testing.T) {
			if got := auth.LocalPath(next); got != want {
				t.Errorf("%q leads to %q", next, got)
			}
		})
	}
}

func TestFailingStoreRefusesSignIn(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Admin)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := b.SignIn(ctx, "anna", password, ""); !errors.Is(err, context.Canceled) ||
		deadletter.KindOf(err) == deadletter.Unauthenticated {
		t.Errorf("signing in answers %v", err)
	}
}
