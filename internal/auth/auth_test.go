package auth_test

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
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
	"dlqdesk/web"
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
	settings.CommonPasswords = web.CommonPasswords()
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
		return b.SignIn(w, r, r.FormValue("name"), r.FormValue("password"))
	}))
	mux.Handle("POST /setup", answer(func(w http.ResponseWriter, r *http.Request) error {
		return b.SetUp(w, r, r.FormValue("token"), r.FormValue("name"), r.FormValue("password"))
	}))
	members := b.Require(fail)
	mux.Handle("GET /me", members(answer(func(w http.ResponseWriter, r *http.Request) error {
		_, err := io.WriteString(w, auth.Actor(r.Context()).Name+" "+string(auth.Actor(r.Context()).Role))
		return err
	})))
	mux.Handle("POST /out", members(answer(func(_ http.ResponseWriter, r *http.Request) error {
		return b.SignOut(r.Context(), auth.Actor(r.Context()))
	})))
	mux.Handle("POST /password", members(answer(func(w http.ResponseWriter, r *http.Request) error {
		return b.ChangePassword(w, r, r.FormValue("current"), r.FormValue("next"))
	})))
	mux.Handle("POST /link", answer(func(w http.ResponseWriter, r *http.Request) error {
		return b.UsePasswordLink(w, r, r.FormValue("token"), r.FormValue("password"))
	}))
	mux.Handle("GET /sessions", members(answer(func(w http.ResponseWriter, r *http.Request) error {
		list, _, err := b.OwnSessions(r.Context())
		for _, one := range list {
			fmt.Fprintln(w, one.ID, one.Addr, one.Agent, one.Current)
		}
		return err
	})))
	mux.Handle("POST /sessions/end", members(answer(func(_ http.ResponseWriter, r *http.Request) error {
		return b.EndOwnSession(r.Context(), r.FormValue("id"))
	})))
	mux.Handle("POST /sessions/others", members(answer(func(_ http.ResponseWriter, r *http.Request) error {
		_, err := b.EndOtherSessions(r.Context())
		return err
	})))
	sessions := b.Sessions(fail)(mux)
	b.server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if addr := r.Header.Get("X-Test-Addr"); addr != "" {
			r.RemoteAddr = net.JoinHostPort(addr, "1")
		}
		sessions.ServeHTTP(w, r)
	}))
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
	addr   string // "": that of the connection
}

// at returns the same browser at another address.
func (p person) at(addr string) person {
	p.addr = addr
	return p
}

func (b bundle) person(t *testing.T) person {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return person{t, &http.Client{Transport: b.server.Client().Transport, Jar: jar}, b.server.URL, ""}
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
	if p.addr != "" {
		r.Header.Set("X-Test-Addr", p.addr)
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
		"user.add by system", "user.sign_in by anna", "user.sign_out by anna",
	}
	if got := b.actions(t); !slices.Equal(got, want) {
		t.Errorf("the audit trail has %q, want %q", got, want)
	}
	if e := b.events(t)[1]; e.Addr != "127.0.0.1" || e.Target != "anna" || e.TargetKind != "user" {
		t.Errorf("event %+v", e)
	}
}

// signInAs is an attempt without a session around it, which a refused one does not need.
func (b bundle) signInAs(ctx context.Context, name, password string) error {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/in", http.NoBody)
	return b.SignIn(httptest.NewRecorder(), r, name, password)
}

// A wrong password costs one comparison of a hash and gets the same response, whether the name exists or not.
func TestNamesCannotBeProbed(t *testing.T) {
	t.Parallel()
	var compared []string
	b := setup(t, auth.Settings{Compare: func(password, hash string) (bool, error) {
		compared = append(compared, hash)
		return argon2id.ComparePasswordAndHash(password, hash)
	}})
	for _, name := range []string{"anna", "adam", "dora"} {
		b.add(t, name, deadletter.Admin)
	}
	admin := deadletter.User("adam", deadletter.Admin, "")
	if err := b.Disable(t.Context(), admin, "dora"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.AddUserByLink(t.Context(), admin, "ines", "viewer"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"anna", "nobody", "dora", "ines"} {
		compared = nil
		err := b.signInAs(t.Context(), name, "wrong password")
		if err == nil || err.Error() != "the name or the password is wrong" {
			t.Errorf("%s: %v", name, err)
		}
		if len(compared) != 1 {
			t.Fatalf("%s: %d hashes are compared", name, len(compared))
		}
		params, _, _, err := argon2id.DecodeHash(compared[0])
		if err != nil || *params != cheap() {
			t.Errorf("%s: the hash costs %+v, %v", name, params, err)
		}
	}
}

func TestSignInRenewsTheSession(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Viewer)
	p, planted := b.person(t), b.person(t)
	at, _ := url.Parse(b.server.URL)
	planted.client.Jar.SetCookies(
		at, []*http.Cookie{{Name: "dlqdesk_session", Value: "planted-by-someone-else", Path: "/"}},
	)
	p.signIn("anna", password)
	planted.signIn("anna", password)
	first := p.token()
	p.signIn("anna", password)
	if p.token() == first || planted.token() == "planted-by-someone-else" {
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
			names := map[bool][]string{
				false: {"dlqdesk_browser", "dlqdesk_session"},
				true:  {"__Host-dlqdesk_browser", "__Host-dlqdesk_session"},
			}[secure]
			var got []string
			for _, c := range w.Result().Cookies() {
				got = append(got, c.Name)
				if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Secure != secure || c.Path != "/" ||
					c.Domain != "" || len(c.Value) < 26 {
					t.Errorf("secure %v: cookie %v", secure, c)
				}
			}
			if slices.Sort(got); !slices.Equal(got, names) {
				t.Errorf("secure %v: cookies %q", secure, got)
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
			); status != want || other.me() == "" {
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

// tries returns how many attempts with a wrong password an address has until it has to wait, 100 at most.
func (p person) tries(name string) int {
	for n := range 100 {
		if p.signIn(name, "wrong password") == http.StatusTooManyRequests {
			return n
		}
	}
	return 100
}

func TestSignInAttemptsAreLimited(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Viewer)
	guesser := b.person(t).at("192.0.2.66")
	if n := guesser.tries("anna"); n != 10 {
		t.Errorf("%d tries for one name", n)
	}
	if guesser.signIn("anna", password) != 429 || guesser.signIn("Anna", password) != 429 {
		t.Error("the right password gets past the limit")
	}
	if n := guesser.tries("bert") + guesser.tries("c") + guesser.tries("d") + guesser.tries("e"); n != 20 {
		t.Errorf("an address has %d tries after 10", n)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/in", http.NoBody)
	r.RemoteAddr = "192.0.2.66:1"
	w := httptest.NewRecorder()
	err := b.SignIn(w, r, "anna", password)
	if deadletter.KindOf(err) != deadletter.RateLimited || w.Header().Get("Retry-After") != "6" ||
		err.Error() != "too many attempts: wait 6 seconds, then try again" {
		t.Errorf("%v, Retry-After %q", err, w.Header().Get("Retry-After"))
	}
	b.clock.Add(6 * time.Second)
	if guesser.signIn("anna", password) != 200 {
		t.Error("after the wait the right password is refused")
	}
}

// A guesser locks no one out: not the user elsewhere, not others at the same address who have signed in before.
func TestGuesserLocksNobodyOut(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Viewer)
	b.add(t, "bert", deadletter.Viewer)
	b.add(t, "cleo", deadletter.Viewer)
	const office, home = "203.0.113.7", "198.51.100.1"
	anna, bert := b.person(t), b.person(t)
	if anna.at(office).signIn("anna", password) != 200 || bert.at(office).signIn("bert", password) != 200 {
		t.Fatal("they cannot sign in")
	}
	b.person(t).at(office).signIn("cleo", password)
	b.person(t).at("192.0.2.66").tries("anna")
	if b.person(t).at(home).signIn("anna", password) != 200 {
		t.Error("a guesser at one address locks out a user at another one, in a new browser")
	}
	for _, name := range []string{"anna", "x", "y", "z", "bert"} {
		b.person(t).at(office).tries(name)
	}
	if anna.at(office).signIn("anna", password) != 200 || bert.at(office).signIn("bert", password) != 200 {
		t.Error("a guesser in the same network locks out users whose browsers are known")
	}
	if b.person(t).at(office).signIn("dora", "wrong password") != 429 ||
		b.person(t).at(office).signIn("cleo", password) != 200 {
		t.Error("a guesser in the same network locks out a user who has signed in from there")
	}
	for i := range 70 {
		b.person(t).at(fmt.Sprintf("198.18.0.%d", i)).signIn("anna", "wrong password")
	}
	if b.person(t).at("192.0.2.99").signIn("anna", password) != 429 {
		t.Error("a guesser with many addresses is not slowed")
	}
	if b.person(t).at(home).signIn("anna", password) != 200 || anna.at("192.0.2.98").signIn("anna", password) != 200 {
		t.Error("a guesser with many addresses locks out a user in a known network, or in a known browser")
	}
	if b.person(t).at("192.0.2.99").signIn("bert", password) != 200 {
		t.Error("a guesser of one name slows another one")
	}
	b.clock.Add(time.Minute)
	if b.person(t).at("192.0.2.97").signIn("anna", password) != 200 {
		t.Error("after a minute one more network is not let in")
	}
}

// A successful sign-in takes nothing from others at the same address: a whole office can begin its day.
func TestSuccessfulSignInsDoNotCount(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	for i := range 33 {
		name := fmt.Sprintf("user%d", i)
		b.add(t, name, deadletter.Viewer)
		if status := b.person(t).signIn(name, password); status != 200 {
			t.Fatalf("user %d is answered %d", i, status)
		}
	}
}

// A browser's token that was put there by someone else does not become known by a sign-in.
func TestPlantedBrowserTokenIsReplaced(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Viewer)
	p := b.person(t)
	at, _ := url.Parse(b.server.URL)
	planted := &http.Cookie{Name: "dlqdesk_browser", Value: "planted-by-someone-else-26", Path: "/"}
	p.client.Jar.SetCookies(at, []*http.Cookie{planted})
	p.signIn("anna", password)
	for range 2 {
		var value string
		for _, c := range p.client.Jar.Cookies(at) {
			if c.Name == planted.Name {
				value = c.Value
			}
		}
		if value == planted.Value || value == "" {
			t.Fatalf("the browser's token is %q", value)
		}
		planted.Value = "" // from now on it stays
		p.signIn("anna", password)
	}
}

func TestLimitsRememberABoundedNumberOfKeys(t *testing.T) {
	t.Parallel()
	if n := auth.Flood(50_000, func(i int) string { return fmt.Sprint("name", i) }, time.Now()); n != 10_000 {
		t.Errorf("%d keys are remembered", n)
	}
}

func TestLimitsCountAnIPv6NetworkAsOne(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	refused := 0
	for i := range 40 {
		p := b.person(t).at(fmt.Sprintf("2001:db8::%x", i+1))
		if p.signIn(fmt.Sprintf("name%d", i), "wrong password") == http.StatusTooManyRequests {
			refused++
		}
	}
	if refused != 10 {
		t.Errorf("%d of 40 tries from one network were refused", refused)
	}
	if b.person(t).at("2001:db8:0:1::1").signIn("anna", "wrong password") != 401 {
		t.Error("another network is refused")
	}
}

func TestLocalPath(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"/messages?status=all": "/messages?status=all", "/messages/a-1": "/messages/a-1", "/audit": "/audit",
		"": "/causes", "https://evil.example/": "/causes", "//evil.example": "/causes",
		"/\\evil.example": "/causes", "\\\\evil.example": "/causes",
		"javascript:alert(1)": "/causes", "messages": "/causes", "/a\r\nb": "/causes",
		"/\t/evil.example": "/causes", "http:/evil": "/causes",
		"///evil.example": "/causes", " //evil.example": "/causes", "@evil.example": "/causes",
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
	if err := b.signInAs(ctx, "anna", password); !errors.Is(err, context.Canceled) ||
		deadletter.KindOf(err) == deadletter.Unauthenticated {
		t.Errorf("signing in answers %v", err)
	}
}

// The rules are the length and the list of common passwords, with no rule about kinds of characters. A password is
// compared as it was typed.
func TestPasswordRules(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	for text, accepted := range map[string]bool{
		"short one":                  false,
		"dlqdesk-dlqdesk":            false,
		"annaannaanna":               false,
		"quietriver":                 true,
		"QUIETRIVERS":                true,
		"8305771926":                 true,
		"  spaces at both ends  ":    true,
		"größe 安全 ключ":              true,
		strings.Repeat("quiet ", 12): true,
		strings.Repeat("quiet ", 33): true,
		strings.Repeat("quiet ", 34): false,
	} {
		if err := b.CheckPassword("anna", text); (err == nil) != accepted {
			t.Errorf("%q: %v", text, err)
		}
	}
	const typed = "  Spaces At Both Ends  "
	if err := b.AddUser(t.Context(), deadletter.System(), "anna", "viewer", typed); err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{
		strings.TrimSpace(typed): 401, strings.ToLower(typed): 401, typed[:len(typed)-1]: 401, typed: 200,
	} {
		if status := b.person(t).signIn("anna", text); status != want {
			t.Errorf("%q answers %d, want %d", text, status, want)
		}
	}
}

// OWASP's Password Storage Cheat Sheet asks for at least 19 MiB and two passes, with a salt of 16 bytes.
func TestPasswordHashes(t *testing.T) {
	t.Parallel()
	p := auth.DefaultHashing()
	if p.Memory < 19<<10 || p.Iterations < 2 || p.SaltLength < 16 || p.KeyLength < 32 {
		t.Errorf("hashes cost %+v", p)
	}
	b := setup(t, auth.Settings{Hashing: p})
	b.add(t, "anna", deadletter.Viewer)
	u, err := b.store.User(t.Context(), "anna")
	if err != nil || !strings.HasPrefix(u.PasswordHash, "$argon2id$v=19$m=32768,t=3,p=1$") {
		t.Errorf("the hash is %s, %v", u.PasswordHash, err)
	}
}

// The token of a session has 256 random bits.
func TestSessionTokens(t *testing.T) {
	t.Parallel()
	b := setup(t, auth.Settings{})
	b.add(t, "anna", deadletter.Viewer)
	at, err := url.Parse(b.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range 5 {
		p := b.person(t)
		p.signIn("anna", password)
		for _, cookie := range p.client.Jar.Cookies(at) {
			token, err := base64.RawURLEncoding.DecodeString(cookie.Value)
			if cookie.Name == "dlqdesk_session" && (err != nil || len(token) != 32 || seen[cookie.Value]) {
				t.Errorf("the token is %q, %v", cookie.Value, err)
			}
			seen[cookie.Value] = true
		}
	}
	if len(seen) < 5 {
		t.Errorf("%d tokens", len(seen))
	}
}
