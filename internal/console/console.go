// Package console is the desk in the browser: it parses a request, calls the desk or the store, and renders a page. It decides
// nothing about letters and shows no secret.
package console

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/httprate"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/internal/store"
	"dlqdesk/web"
)

// Source is what the pages tell of a configured source.
type Source struct {
	Name        string
	Destination string // host
	MaxAttempts int
}

// Deps are the parts that the console works with.
type Deps struct {
	Store         *store.Store
	Desk          *desk.Desk
	Auth          *auth.Auth
	Sources       []Source // in the order of the configuration
	DefaultSource string
	PublicURL     string // where webhooks are sent, for the example; "" takes the address of the request
	Secure        bool   // reached by https only
	Chain         func() Chain
	Now           func() time.Time
	Log           *slog.Logger
}

// Chain says whether the audit trail held when it was last read as a whole.
type Chain struct {
	At     time.Time // zero: not yet
	Events int64
	Fault  string // what is wrong with it; empty: nothing
}

// Console serves the pages.
type Console struct {
	Deps
	sources map[string]Source
}

const (
	requestLimit = 30 * time.Second
	maxForm      = 8 << 20 // bytes; a body of deadletter.MaxEdit and room for what a form makes of it

	// signInsPerName and signInsPerAddress bound how often a password can be tried in a minute: by one address for one name, and by
	// one address whatever the name.
	signInsPerName    = 10
	signInsPerAddress = 30
)

// New makes the handler of every page.
func New(deps Deps) http.Handler {
	c := &Console{Deps: deps, sources: map[string]Source{}}
	for _, s := range deps.Sources {
		c.sources[s.Name] = s
	}
	r := chi.NewRouter()
	r.Use(c.secure, c.recover, limits, http.NewCrossOriginProtection().Handler)
	r.NotFound(func(w http.ResponseWriter, r *http.Request) {
		c.fail(w, r, deadletter.Errorf(deadletter.NotFound, "there is no such page"))
	})
	r.MethodNotAllowed(func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
	})
	r.Handle(web.Prefix+"*", web.Assets())
	r.Group(func(r chi.Router) {
		r.Use(c.Auth.Sessions)
		c.doorRoutes(r)
		r.Group(func(r chi.Router) {
			r.Use(c.Auth.Require(c.fail))
			c.deskRoutes(r)
		})
	})
	return r
}

// doorRoutes are for those who are not signed in.
func (c *Console) doorRoutes(r chi.Router) {
	tooMany := httprate.WithLimitHandler(c.tooManySignIns)
	address := httprate.Limit(signInsPerAddress, time.Minute, httprate.WithKeyFuncs(byAddress), tooMany)
	name := httprate.Limit(signInsPerName, time.Minute, httprate.WithKeyFuncs(byAddress, byFormName), tooMany)
	r.Get("/signin", c.signInForm)
	r.With(address, name).Post("/signin", c.signIn)
	r.Get("/setup", c.setupForm)
	r.With(address).Post("/setup", c.setup)
}

func (c *Console) deskRoutes(r chi.Router) {
	r.Get("/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/letters", http.StatusSeeOther) })
	r.Post("/signout", c.signOut)
	r.Get("/account", c.account)
	r.Get("/account/password", c.passwordForm)
	r.Post("/account/password", c.password)
	r.Get("/letters", c.letters)
	r.Post("/letters/bulk", c.bulk)
	r.Get("/letters/edit", c.bulkEditForm)
	r.Route("/letters/{id}", func(r chi.Router) {
		r.Get("/", c.letter)
		r.Get("/panel", c.panel)
		r.Get("/body", c.body)
		r.Get("/edit", c.editForm)
		r.Post("/edit", c.edit)
		r.Post("/replay", c.replay)
		r.Post("/archive", c.archive)
		r.Post("/restore", c.restore)
	})
	r.Get("/audit", c.audit)
}

const contentPolicy = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// secure sets the headers that keep a page to itself.
func (c *Console) secure(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if c.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		next.ServeHTTP(w, r)
	})
}

// recover turns a programming fault into a page, and keeps it from ending the program.
func (c *Console) recover(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if p := recover(); p != nil {
				c.fail(w, r, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func limits(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), requestLimit)
		defer cancel()
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}
