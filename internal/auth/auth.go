// Package auth owns users, passwords, sign-in and sessions. It does not decide what a user may do: the domain does.
package auth

import (
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/httprate"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Auth signs users in and out. Its methods are safe for concurrent use.
type Auth struct {
	store    *store.Store
	sessions *scs.SessionManager
	now      func() time.Time

	params  argon2id.Params
	hashing chan struct{}
	// decoyHash is compared with the password for an unknown name, so that the answer takes as long. No password fits.
	decoyHash string

	perAddr, perName *httprate.RateLimiter
}

// Settings configure sign-in.
type Settings struct {
	Secure  bool            // browsers reach the desk by https only
	Hashing argon2id.Params // the cost of a hash; zero: DefaultHashing
}

// DefaultHashing returns parameters that cost 32 MiB and about 0.1 s a hash. OWASP's Password Storage Cheat Sheet asks
// for at least 19 MiB and two passes.
func DefaultHashing() argon2id.Params {
	return argon2id.Params{Memory: 32 << 10, Iterations: 3, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// New returns an Auth that keeps users and sessions in a store.
func New(s *store.Store, settings Settings, now func() time.Time) *Auth {
	a := &Auth{
		store:    s,
		sessions: newSessions(s, settings.Secure, now),
		now:      now,
		params:   settings.Hashing,
		hashing:  make(chan struct{}, hashers),
		perAddr:  newLimiter(triesPerAddr),
		perName:  newLimiter(triesPerName),
	}
	if a.params == (argon2id.Params{}) {
		a.params = DefaultHashing()
	}
	a.decoyHash = randomHash(a.params)
	return a
}

// lifetime ends every session, used or not; idleTimeout (see stillValid) ends an unused one.
const lifetime = 7 * 24 * time.Hour

func newSessions(s *store.Store, secure bool, now func() time.Time) *scs.SessionManager {
	m := scs.New()
	m.Store, m.Lifetime = s.Sessions(now), lifetime
	m.Cookie.Name, m.Cookie.Path = "dlqdesk_session", "/"
	m.Cookie.HttpOnly, m.Cookie.SameSite = true, http.SameSiteLaxMode
	if secure {
		// With this prefix, browsers accept the cookie only from this host over https: RFC 6265bis, section 4.1.3.2.
		m.Cookie.Name, m.Cookie.Secure = "__Host-dlqdesk_session", true
	}
	return m
}

// Sign-in attempts a minute: from one address for one name, and from one address for all names.
const (
	triesPerName = 10
	triesPerAddr = 30
)

func newLimiter(tries int) *httprate.RateLimiter {
	headers := httprate.ResponseHeaders{RetryAfter: "Retry-After"}
	return httprate.NewRateLimiter(tries, time.Minute, httprate.WithResponseHeaders(headers))
}

// Throttle counts an attempt to sign in with a name. After too many it returns RateLimited and sets Retry-After.
func (a *Auth) Throttle(w http.ResponseWriter, r *http.Request, name string) error {
	addr := httprate.CanonicalizeIP(Addr(r))
	if a.perAddr.OnLimit(w, r, addr) || a.perName.OnLimit(w, r, addr+" "+strings.ToLower(printableName(name))) {
		return deadletter.Errorf(deadletter.RateLimited, "too many tries: wait a minute, then try again")
	}
	return nil
}

// Addr returns the address that a request came from, without its port. It ignores headers of proxies.
func Addr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}
