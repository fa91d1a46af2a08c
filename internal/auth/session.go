package auth

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// The keys of a session.
const (
	keyUser       = "user"
	keyCredential = "credential"
	keySince      = "since" // signed in at, Unix seconds
	keySeen       = "seen"  // last request, Unix seconds, to within seenEvery
	keyFlash      = "flash"
)

const (
	idleTimeout = 12 * time.Hour

	// seenEvery is the shortest time between two writes of keySeen.
	seenEvery = 5 * time.Minute
)

// Sessions returns a middleware that loads and saves the session around a handler. If the store fails, it calls fail
// before or instead of the handler's response.
func (a *Auth) Sessions(fail func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler {
	sessions := *a.sessions
	sessions.ErrorFunc = fail
	return sessions.LoadAndSave
}

// SignIn opens a session for a user, with a new token. It returns Unauthenticated if name and password do not fit, and
// takes as long for an unknown name, so that names cannot be found out.
func (a *Auth) SignIn(ctx context.Context, name, password, addr string) error {
	u, err := a.store.User(ctx, name)
	known := err == nil
	if err != nil && deadletter.KindOf(err) != deadletter.NotFound {
		return err
	}
	hash := a.decoyHash
	if known {
		hash = u.PasswordHash
	}
	ok, err := a.matches(ctx, password, hash)
	if err != nil {
		return err
	}
	if !ok || !known {
		return a.refuse(ctx, printableName(name), addr)
	}
	return a.begin(ctx, u, addr)
}

func (a *Auth) refuse(ctx context.Context, name, addr string) error {
	by := deadletter.User(name, "", addr)
	event, err := deadletter.NewEvent(by, "user.sign_in_refused", "user", name, "", nil, nil, a.now())
	if err != nil {
		return err
	}
	write := func(ctx context.Context, tx *store.Tx) error { return tx.Record(ctx, event) }
	if err := a.store.Write(ctx, write); err != nil {
		return err
	}
	return deadletter.Errorf(deadletter.Unauthenticated, "the name or the password is wrong")
}

// maxRecordedName limits the name that an unauthenticated request writes to the audit trail, in bytes.
const maxRecordedName = 64

// printableName returns a name that may stand in the audit trail.
func printableName(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
	return strings.ToValidUTF8(name[:min(len(name), maxRecordedName)], "")
}

// begin signs a user in. It writes the session and the audit event in one transaction.
func (a *Auth) begin(ctx context.Context, u store.User, addr string) error {
	if err := a.renew(ctx, u); err != nil {
		return err
	}
	by := deadletter.User(u.Name, u.Role, addr)
	event, err := deadletter.NewEvent(by, "user.sign_in", "user", u.Name, "", nil, nil, a.now())
	if err != nil {
		return err
	}
	if _, _, err := a.sessions.Commit(store.WithEvent(ctx, event)); err != nil {
		return fmt.Errorf("write the session: %w", err)
	}
	return nil
}

// renew gives the session to a user, with a new token, so that the old token is worthless.
func (a *Auth) renew(ctx context.Context, u store.User) error {
	if err := a.sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew the session: %w", err)
	}
	now := a.now().Unix()
	a.sessions.Put(ctx, keyUser, u.Name)
	a.sessions.Put(ctx, keyCredential, u.Credential)
	a.sessions.Put(ctx, keySince, now)
	a.sessions.Put(ctx, keySeen, now)
	return nil
}

// SignOut ends the session.
func (a *Auth) SignOut(ctx context.Context, by deadletter.Actor) error {
	event, err := deadletter.NewEvent(by, "user.sign_out", "user", by.Name, "", nil, nil, a.now())
	if err != nil {
		return err
	}
	if err := a.sessions.Destroy(store.WithEvent(ctx, event)); err != nil {
		return fmt.Errorf("end the session: %w", err)
	}
	return nil
}

// SignedInAt returns when the user of this session signed in.
func (a *Auth) SignedInAt(ctx context.Context) time.Time {
	return time.Unix(a.sessions.GetInt64(ctx, keySince), 0)
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

// Identify returns the user of a request's session, or Unauthenticated. A session is valid while its user exists and
// has the password that it was opened with.
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
		return deadletter.Actor{}, errors.Join(
			deadletter.Errorf(deadletter.Unauthenticated, "this session has ended: sign in again"),
			a.sessions.Destroy(ctx),
		)
	}
	return deadletter.User(u.Name, u.Role, Addr(r)), nil
}

// StillSignedIn returns Unauthenticated if the session of a long-running request has ended.
func (a *Auth) StillSignedIn(r *http.Request) error {
	ctx := r.Context()
	_, found, err := a.store.Sessions(a.now).FindCtx(ctx, a.sessions.Token(ctx))
	if err != nil {
		return fmt.Errorf("look for the session: %w", err)
	}
	if !found {
		return deadletter.Errorf(deadletter.Unauthenticated, "this session has ended: sign in again")
	}
	_, err = a.Identify(r)
	return err
}

func (a *Auth) stillValid(ctx context.Context, u store.User) bool {
	now, seen := a.now(), time.Unix(a.sessions.GetInt64(ctx, keySeen), 0)
	if u.Credential != a.sessions.GetInt(ctx, keyCredential) || now.Sub(seen) > idleTimeout {
		return false
	}
	if now.Sub(seen) >= seenEvery {
		a.sessions.Put(ctx, keySeen, now.Unix())
	}
	return true
}

// LocalPath returns the path to go to after sign-in: next if it is a path of this desk, else /messages.
func LocalPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") {
		return "/messages"
	}
	return next
}
