// Package auth owns users, passwords, sign-in, sessions, and the limits of attempts to sign in. It does not decide what
// a user may do, or what an administrator may change: the domain does.
package auth

import (
	"net"
	"net/http"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/alexedwards/scs/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Auth signs users in and out, and manages them. Its methods are safe for concurrent use.
type Auth struct {
	store    *store.Store
	sessions *scs.SessionManager
	now      func() time.Time
	limits   *limits
	secure   bool
	common   string

	params  argon2id.Params
	compare func(password, hash string) (bool, error)
	hashing chan struct{}
	// decoyHash is compared with the password for an unknown name, so that the answer takes as long. No password fits.
	decoyHash string
}

// Settings configure sign-in.
type Settings struct {
	Secure          bool            // browsers reach the desk by https only
	Hashing         argon2id.Params // the cost of a hash; zero: DefaultHashing
	CommonPasswords string          // that no user may have, one a line, with a newline before the first: see web

	// Compare reports whether a password fits a hash. nil: argon2id.ComparePasswordAndHash.
	Compare func(password, hash string) (bool, error)
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
		limits:   newLimits(),
		secure:   settings.Secure,
		common:   settings.CommonPasswords,
		params:   settings.Hashing,
		compare:  settings.Compare,
		hashing:  make(chan struct{}, hashers),
	}
	if a.params == (argon2id.Params{}) {
		a.params = DefaultHashing()
	}
	if a.compare == nil {
		a.compare = argon2id.ComparePasswordAndHash
	}
	a.decoyHash = randomHash(a.params)
	return a
}

// client is the origin of a request, as sessions and the audit trail name it.
type client struct {
	addr, agent string
	browser     string // the token of the browser's cookie; "": it has not signed in before
}

// maxAgent limits the User-Agent that a session stores, in bytes.
const maxAgent = 256

func (a *Auth) clientOf(r *http.Request) client {
	from := client{addr: Addr(r), agent: deadletter.Printable(r.UserAgent(), maxAgent)}
	if cookie, err := r.Cookie(a.browserCookie().Name); err == nil {
		from.browser = cookie.Value
	}
	return from
}

// Addr returns the address that a request came from, without its port. Behind trusted proxies, package server has set
// it to the address that they forward.
func Addr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// browserLife is how long a browser counts as known after a sign-in.
const browserLife = 180 * 24 * time.Hour

// browserCookie returns the cookie by which a browser that has signed in is known, without its value.
func (a *Auth) browserCookie() *http.Cookie {
	c := &http.Cookie{
		Name: "dlqdesk_browser", Path: "/", MaxAge: int(browserLife / time.Second), HttpOnly: true,
		SameSite: http.SameSiteLaxMode,
	}
	if a.secure {
		c.Name, c.Secure = secureCookie+c.Name, true
	}
	return c
}

// secureCookie begins the names of cookies that browsers accept only from this host over https: RFC 6265bis, section
// 4.1.3.2.
const secureCookie = "__Host-"
