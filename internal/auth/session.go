package auth

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Sessions returns a middleware that loads and saves the session around a handler. If the store fails, it calls fail
// before or instead of the handler's response.
func (a *Auth) Sessions(fail func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler {
	sessions := *a.sessions
	sessions.ErrorFunc = fail
	return sessions.LoadAndSave
}

// SignIn opens a session for a user, with a new token. It returns Unauthenticated if name and password do not fit, and
// takes as long for an unknown name, so that names cannot be found out. After too many attempts it returns RateLimited
// and sets Retry-After.
func (a *Auth) SignIn(w http.ResponseWriter, r *http.Request, name, password string) error {
	ctx, from := r.Context(), a.clientOf(r)
	try, err := a.admit(ctx, w, name, from)
	if err != nil {
		return err
	}
	u, err := a.authenticate(ctx, name, password)
	if err != nil {
		return err
	}
	a.limits.succeeded(&try)
	return a.begin(w, r, u)
}

// admit counts an attempt to sign in with a name.
func (a *Auth) admit(ctx context.Context, w http.ResponseWriter, name string, from client) (attempt, error) {
	try := attempt{name: strings.ToLower(deadletter.Printable(name, maxRecordedName)), network: network(from.addr)}
	var knownBrowser bool
	var err error
	try.knownNetwork, knownBrowser, err = a.store.KnownClients(ctx, name, try.network, from.browser)
	if err != nil {
		return try, err
	}
	if knownBrowser {
		try.browser = from.browser
	}
	return try, a.tooMany(w, a.limits.take(&try, a.now()))
}

// tooMany returns RateLimited and sets Retry-After if a client has to wait.
func (a *Auth) tooMany(w http.ResponseWriter, wait time.Duration) error {
	if wait <= 0 {
		return nil
	}
	seconds := int(math.Ceil(wait.Seconds()))
	w.Header().Set("Retry-After", strconv.Itoa(seconds))
	unit := "seconds"
	if seconds == 1 {
		unit = "second"
	}
	return deadletter.Errorf(deadletter.RateLimited, "too many attempts: wait %d %s, then try again", seconds, unit)
}

// authenticate returns the user whose name and password these are.
func (a *Auth) authenticate(ctx context.Context, name, password string) (store.User, error) {
	u, err := a.store.User(ctx, name)
	if err != nil && deadletter.KindOf(err) != deadletter.NotFound {
		return u, err
	}
	hash := a.decoyHash
	if err == nil && u.PasswordHash != "" {
		hash = u.PasswordHash
	}
	ok, err := a.matches(ctx, password, hash)
	switch {
	case err != nil:
		return u, err
	case !ok:
		return u, deadletter.Errorf(deadletter.Unauthenticated, "the name or the password is wrong")
	}
	return u, u.Account().CheckSignIn()
}

// maxRecordedName limits the name that an unauthenticated request makes this process remember, in bytes.
const maxRecordedName = 64

// begin signs a user in. It writes the session, the audit event and where the user signed in from in one transaction.
func (a *Auth) begin(w http.ResponseWriter, r *http.Request, u store.User) error {
	ctx, from := r.Context(), a.clientOf(r)
	browser, err := a.browserOf(ctx, u, from)
	if err != nil {
		return err
	}
	by := deadletter.User(u.Name, u.Role, from.addr)
	event, err := deadletter.NewEvent(by, "user.sign_in", "user", u.Name, "", nil, nil, a.now())
	if err != nil {
		return err
	}
	err = a.open(ctx, u, from, func(ctx context.Context, tx *store.Tx) error {
		if err := tx.NoteSignIn(ctx, u.Name, network(from.addr), browser, a.now()); err != nil {
			return err
		}
		return tx.Record(ctx, event)
	})
	if err != nil {
		return err
	}
	cookie := a.browserCookie()
	cookie.Value = browser
	http.SetCookie(w, cookie)
	return nil
}

// browserOf returns the token of the browser: a new one, unless the user has signed in with it before. A token that
// someone else put into the browser is not made known.
func (a *Auth) browserOf(ctx context.Context, u store.User, from client) (string, error) {
	_, known, err := a.store.KnownClients(ctx, u.Name, "", from.browser)
	if err != nil {
		return "", err
	}
	if known {
		return from.browser, nil
	}
	return rand.Text(), nil
}

// open gives the session to a user under a new token, so that the old token is worthless. also runs in the same
// transaction. It returns an error if the user was changed since it was read.
func (a *Auth) open(
	ctx context.Context, u store.User, from client, also func(ctx context.Context, tx *store.Tx) error,
) error {
	if err := a.sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew the session: %w", err)
	}
	now := a.now().Unix()
	a.sessions.Put(ctx, keyUser, u.Name)
	a.sessions.Put(ctx, keyCredential, u.Credential)
	a.sessions.Put(ctx, keySince, now)
	a.sessions.Put(ctx, keySeen, now)
	a.sessions.Put(ctx, keyAddr, from.addr)
	a.sessions.Put(ctx, keyAgent, from.agent)
	_, _, err := a.sessions.Commit(opening(ctx, func(ctx context.Context, tx *store.Tx) error {
		present, err := tx.User(ctx, u.Name)
		if err != nil {
			return err
		}
		if present.Credential != u.Credential {
			return errChanged
		}
		if err := present.Account().CheckSignIn(); err != nil {
			return err
		}
		return also(ctx, tx)
	}))
	if err != nil {
		return fmt.Errorf("write the session: %w", err)
	}
	return nil
}

var errChanged = deadletter.Errorf(deadletter.Conflict, "the password was changed meanwhile: sign in again")

// SignOut ends the session.
func (a *Auth) SignOut(ctx context.Context, by deadletter.Actor) error {
	event, err := deadletter.NewEvent(by, "user.sign_out", "user", by.Name, "", nil, nil, a.now())
	if err != nil {
		return err
	}
	record := func(ctx context.Context, tx *store.Tx) error { return tx.Record(ctx, event) }
	if err := a.sessions.Destroy(alongside(ctx, record)); err != nil {
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}

// Flash is a notice for the next page of a session.
type Flash struct{ Kind, Text, Hint string }

// PutFlash stores a notice for the next page.
func (a *Auth) PutFlash(ctx context.Context, f Flash) {
	a.sessions.Put(ctx, keyFlash, []string{f.Kind, f.Text, f.Hint})
}

// TakeFlash returns the stored notice and removes it.
func (a *Auth) TakeFlash(ctx context.Context) Flash {
	stored, ok := a.sessions.Pop(ctx, keyFlash).([]string)
	if !ok || len(stored) != 3 {
		return Flash{}
	}
	return Flash{stored[0], stored[1], stored[2]}
}

type actorKey struct{}

// Session returns the id of the session of a request, which is no secret.
func (a *Auth) Session(ctx context.Context) string { return store.SessionID(a.sessions.Token(ctx)) }

// Actor returns the signed-in user, or the zero Actor.
func Actor(ctx context.Context) deadletter.Actor {
	actor, _ := ctx.Value(actorKey{}).(deadletter.Actor)
	return actor
}

// Require returns a middleware that lets signed-in users with the right to view through, and calls deny for all other
// requests. It reads the role each time, so that a change takes effect at once.
func (a *Auth) Require(deny func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			actor, err := a.Identify(r)
			if err == nil {
				err = actor.May(deadletter.ActView)
			}
			if err != nil {
				deny(w, r, err)
				return
			}
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), actorKey{}, actor)))
		})
	}
}

// Identify returns the user of a request's session, or Unauthenticated. A session is valid while its user exists, is
// not disabled, and has the password that it was opened with.
func (a *Auth) Identify(r *http.Request) (deadletter.Actor, error) {
	ctx := r.Context()
	name := a.sessions.GetString(ctx, keyUser)
	if name == "" {
		return deadletter.Actor{}, deadletter.Errorf(deadletter.Unauthenticated, "sign in first")
	}
	u, err := a.store.User(ctx, name)
	if err != nil && deadletter.KindOf(err) != deadletter.NotFound {
		return deadletter.Actor{}, err
	}
	if err != nil || !a.stillValid(ctx, u) {
		return deadletter.Actor{}, errors.Join(errEnded, a.sessions.Destroy(ctx))
	}
	return deadletter.User(u.Name, u.Role, Addr(r)), nil
}

var errEnded = deadletter.Errorf(deadletter.Unauthenticated, "this session has ended: sign in again")

// StillSignedIn returns Unauthenticated if the session of a long-running request has ended.
func (a *Auth) StillSignedIn(r *http.Request) error {
	ctx := r.Context()
	_, found, err := a.store.SessionData(ctx, a.sessions.Token(ctx), a.now())
	if err != nil {
		return fmt.Errorf("look for the session: %w", err)
	}
	if !found {
		return errEnded
	}
	_, err = a.Identify(r)
	return err
}

func (a *Auth) stillValid(ctx context.Context, u store.User) bool {
	now, seen := a.now(), time.Unix(a.sessions.GetInt64(ctx, keySeen), 0)
	if u.Credential != a.sessions.GetInt(ctx, keyCredential) || u.Account().CheckSignIn() != nil ||
		now.Sub(seen) > idleTimeout {
		return false
	}
	if now.Sub(seen) >= seenEvery {
		a.sessions.Put(ctx, keySeen, now.Unix())
	}
	return true
}

// LocalPath returns the path to go to after sign-in: next if it is a path of this desk, else /causes.
func LocalPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") {
		return "/causes"
	}
	return next
}
