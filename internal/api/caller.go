package api

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"
	"golang.org/x/time/rate"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
)

// caller is who sent a request.
type caller struct {
	by    deadletter.Actor
	token deadletter.Token

	secret *bool // the answer has a secret that is shown once
}

// showsOnce says that the answer to the request has a secret, so that it is not kept for its Idempotency-Key.
func (c caller) showsOnce() { *c.secret = true }

type callerKey struct{}

func callerOf(ctx context.Context) caller {
	c, _ := ctx.Value(callerKey{}).(caller)
	return c
}

// headers sets what every response has. Nothing of the API is for a browser.
func (a *API) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// caller returns who sent a request. It returns Unauthenticated without a token that is in force. A cookie is none, so
// no other site can send a request in the name of a person.
func (a *API) caller(r *http.Request) (caller, error) {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return caller{}, deadletter.Errorf(deadletter.Unauthenticated,
			"send a token as Authorization: Bearer dqd_…; people make one on the page of their account")
	}
	by, token, err := a.Auth.ByToken(r.Context(), strings.TrimSpace(secret), auth.Addr(r))
	return caller{by, token, new(bool)}, err
}

// identify refuses requests without a caller, or with a token that is for assistants alone.
func (a *API) identify(next http.Handler) http.Handler {
	return a.identified(deadletter.Token.ForAPI, next)
}

func (a *API) identified(permits func(deadletter.Token) error, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		who, err := a.caller(r)
		if err == nil {
			err = permits(who.token)
		}
		if err != nil {
			if r.Header.Get("Authorization") != "" && deadletter.KindOf(err) == deadletter.Unauthenticated {
				who.by.Addr = auth.Addr(r)
				a.refused(r.Context(), desk.RefusedToken, who.by, err)
			}
			a.fail(w, r, err)
			return
		}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, who)))
	})
}

// refused records a request that was refused for want of a right.
func (a *API) refused(ctx context.Context, action string, by deadletter.Actor, why error) {
	if a.Refused == nil {
		return
	}
	one := desk.Refusal{Action: action, By: by, Reason: deadletter.TextOf(why)}
	if by.Kind == "" {
		one.By = deadletter.User("", "", by.Addr)
	}
	if at := chi.RouteContext(ctx); at != nil {
		one.Request = at.RouteMethod + " " + at.RoutePattern()
		if strings.HasPrefix(at.RoutePattern(), Path+"/messages/{id}") {
			one.Message = deadletter.ID(at.URLParam("id"))
		}
	}
	a.Refused.Record(context.WithoutCancel(ctx), one)
}

const (
	requestsPerSecond = 20
	requestsAtOnce    = 60
	// maxLimits bounds the tokens whose requests are counted. Beyond it, counting begins anew.
	maxLimits = 10_000
)

// limits count the requests of each token.
type limits struct {
	mu sync.Mutex
	of map[deadletter.TokenID]*rate.Limiter
}

func (l *limits) take(id deadletter.TokenID, at time.Time) (ok bool, left int, wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil || len(l.of) >= maxLimits {
		l.of = map[deadletter.TokenID]*rate.Limiter{}
	}
	limiter := l.of[id]
	if limiter == nil {
		limiter = rate.NewLimiter(requestsPerSecond, requestsAtOnce)
		l.of[id] = limiter
	}
	ok = limiter.AllowN(at, 1)
	tokens := limiter.TokensAt(at)
	if !ok {
		wait = time.Duration((1 - tokens) / requestsPerSecond * float64(time.Second))
	}
	return ok, max(0, int(tokens)), wait
}

// limit refuses requests beyond the rate of a token. The headers are those of the IETF's draft
// draft-ietf-httpapi-ratelimit-headers.
func (a *API) limit(next http.Handler) http.Handler {
	policy := `"token";q=` + strconv.Itoa(requestsAtOnce) + `;w=` + strconv.Itoa(requestsAtOnce/requestsPerSecond)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ok, left, wait := a.limits.take(callerOf(r.Context()).token.ID, a.Now())
		seconds := strconv.Itoa(int(wait.Seconds()) + 1)
		w.Header().Set(rateLimitPolicy, policy)
		w.Header().Set(rateLimit, `"token";r=`+strconv.Itoa(left)+`;t=`+seconds)
		if !ok {
			w.Header().Set(retryAfter, seconds)
			a.fail(w, r, deadletter.Errorf(deadletter.RateLimited,
				"this token has sent more than %d requests a second: wait %s s", requestsPerSecond, seconds))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// Guard puts the checks of the API before the tools of assistants: a token that is in force, its rate, and the time
// that a request may take. By returns who sent the request.
func (a *API) Guard(next http.Handler) http.Handler {
	return a.headers(a.recover(limitTime(a.identified(anyToken, a.limit(next)))))
}

func anyToken(deadletter.Token) error { return nil }

// By returns who sent the request that a context is of; the zero Actor, which may do nothing, if no token did.
func By(ctx context.Context) deadletter.Actor { return callerOf(ctx).by }
