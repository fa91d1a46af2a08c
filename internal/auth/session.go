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

// The keys of what a session keeps.
const (
	keyUser       = "user"
	keyCredential = "credential"
	keySince      = "since" // signed in at, Unix seconds
	keySeen       = "seen"  // last request, Unix seconds, to within seenEvery
	keyFlash      = "flash"
)

const (
	idleTimeout = 12 * time.Hour

	// seenEvery bounds how often a session is written because somebody looks at pages.
	seenEvery = 5 * time.Minute
)

// Sessions loads and saves the session around a handler. fail answers when the store cannot; it is called before or
// instead of the handler's answer. Sessions is called once.
func (a *Auth) Sessions(fail func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler {
	a.sessions.ErrorFunc = fail
	return a.sessions.LoadAndSave
}

// SignIn opens a session for a user, under a new token. It takes as long for a name that nobody has, so that names
// cannot be found out; Unauthenticated says no more than that the two do not fit.
func (a *Auth) SignIn(ctx context.Context, name, password, addr string) error {
	u, err := a.store.User(ctx, name)
	known := err == nil
	if err != nil && deadletter.KindOf(err) != deadletter.NotFound {
		return err
	}
	hash := a.nobody
	if known {
		hash = u.PasswordHash
	}
	ok, err := a.matches(ctx, password, hash)
	if err != nil {
		return err
	}
	if !ok || !known {
		return a.refuse(ctx, cut(name), addr)
	}
	return a.begin(ctx, u, addr)
}

func (a *Auth) refuse(ctx context.Context, name, addr string) error {
	event, err := deadletter.NewEvent(
		deadletter.User(name, "", addr),
		"user.sign_in_refused",
		"user",
		name,
		"",
		nil,
		nil,
		a.now(),
	)
	if err != nil {
		return err
	}
	if err := a.store.Write(
		ctx,
		func(ctx context.Context, tx *store.Tx) error { return tx.Record(ctx, event) },
	); err != nil {
		return err
	}
	return deadletter.Errorf(deadletter.Unauthenticated, "the name or the password is wrong")
}

// maxRecordedName bounds what a stranger can write into the audit trail, in bytes.
const maxRecordedName = 64

func cut(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, name)
	return strings.ToValidUTF8(name[:min(len(name), maxRecordedName)], "")
}

// begin signs a user in: the session and the audit event are written together.
func (a *Auth) begin(ctx context.Context, u store.User, addr string) error {
	if err := a.renew(ctx, u); err != nil {
		return err
	}
	event, err := deadletter.NewEvent(
		deadletter.User(u.Name, u.Role, addr),
		"user.sign_in",
		"user",
		u.Name,
		"",
		nil,
		nil,
		a.now(),
	)
	if err != nil {
		return err
	}
	if _, _, err := a.sessions.Commit(store.WithEvent(ctx, event)); err != nil {
		return fmt.Errorf("write the session: %w", err)
	}
	return nil
}

// renew makes the session that of a user, under a new token, so that one which was known before is worth nothing.
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

// SignedInAt tells since when the person of this session is signed in.
func (a *Auth) SignedInAt(ctx context.Context) time.Time {
	return time.Unix(a.sessions.GetInt64(ctx, keySince), 0)
}

// Flash is a message for the next page of a session.
type Flash struct{ Kind, Text, Hint string }

// PutFlash keeps a message for the next page.
func (a *Auth) PutFlash(ctx context.Context, f Flash) {
	a.sessions.Put(ctx, keyFlash, []string{f.Kind, f.Text, f.Hint})
}

// TakeFlash answers the message that was kept, once.
func (a *Auth) TakeFlash(ctx context.Context) Flash {
	kept, ok := a.sessions.Pop(ctx, keyFlash).([]string)
	if !ok || len(kept) != 3 {
		return Flash{}
	}
	return Flash{kept[0], kept[1], kept[2]}
}

type actorKey struct{}

// Actor answers who is signed in; the zero Actor is nobody.
func Actor(ctx context.Context) deadletter.Actor {
	actor, _ := ctx.Value(actorKey{}).(deadletter.Actor)
	return actor
}

// Require lets those in who are signed in and may look; deny answers the others. The role is read anew each time, so
// that a change of it counts at once.
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

// Identify answers whose session a request belongs to, or Unauthenticated. A session is valid while its user exists
// and has the password that it was opened with.
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

// StillSignedIn answers Unauthenticated when the session of a request that goes on has ended meanwhile.
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

// LocalPath answers where to go after sign-in: a path of this desk, never another site's address.
func LocalPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") ||
		strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") {
		return "/messages"
	}
	return next
}
