// Package auth knows who may come in: users, passwords, sign-in and sessions. What a user may then do is the domain's
// to say.
package auth

import (
	"net/http"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/httprate"

	"dlqdesk/internal/store"
)

// Auth signs people in and out. Its methods may be called from many goroutines.
type Auth struct {
	store    *store.Store
	sessions *scs.SessionManager
	now      func() time.Time

	params  argon2id.Params
	hashing chan struct{}
	// the hash that the password for a name without a user is compared with: no password is known that fits it
	nobody string

	perAddr, perName *httprate.RateLimiter
}

// Settings say how people sign in.
type Settings struct {
	Secure  bool            // the desk is reached by https only
	Hashing argon2id.Params // what a guess costs; zero: what suits a server
}

// DefaultHashing makes a guess cost 32 MiB and about 0.1 s. OWASP's Password Storage Cheat Sheet asks for 19 MiB and
// two passes at least.
func DefaultHashing() argon2id.Params {
	return argon2id.Params{Memory: 32 << 10, Iterations: 3, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

// New makes an Auth on a store.
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
	a.nobody = anyHash(a.params)
	return a
}

// lifetime ends every session, used or not; idleTimeout (see stillValid) ends an unused one.
const lifetime = 7 * 24 * time.Hour

func newSessions(s *store.Store, secure bool, now func() time.Time) *scs.SessionManager {
	m := scs.New()
	m.Store, m.Lifetime = s.Sessions(now), lifetime
	m.Cookie.Name, m.Cookie.Path, m.Cookie.HttpOnly, m.Cookie.SameSite = "dlqdesk_session", "/", true, http.SameSiteLaxMode
	if secure {
		// The prefix makes browsers refuse the cookie from anything but this very host over https: RFC 6265bis,
		// section 4.1.3.2.
		m.Cookie.Name, m.Cookie.Secure = "__Host-dlqdesk_session", true
	}
	return m
}
