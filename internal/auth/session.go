package auth

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// The keys of what a session keeps.
const (
	keyUser       = "user"
	keyCredential = "credential"
	keyFlash      = "flash"
)

// Sessions loads and saves the session around a handler.
func (a *Auth) Sessions(next http.Handler) http.Handler { return a.sessions.LoadAndSave(next) }

var errSignIn = deadletter.Errorf(deadletter.Unauthenticated, "name or password is not right")

// SignIn opens a session for a user. It takes as long for a name that nobody has, so that names cannot be found out.
func (a *Auth) SignIn(ctx context.Context, name, password, addr string) error {
	u, err := a.store.User(ctx, name)
	if err != nil && deadletter.KindOf(err) != deadletter.NotFound {
		return err
	}
	hash := u.PasswordHash
	if hash == "" {
		hash = a.nobody
	}
	ok, err := a.matches(ctx, password, hash)
	if err != nil {
		return err
	}
	if !ok || u.Name == "" {
		return errors.Join(errSignIn, a.record(ctx, deadletter.User(cut(name), "", addr), "user.sign_in_failed"))
	}
	if err := a.record(ctx, deadletter.User(u.Name, u.Role, addr), "user.sign_in"); err != nil {
		return err
	}
	return a.begin(ctx, u.Name, u.Credential)
}

// maxRecordedName bounds what a stranger can write into the audit trail, in bytes.
const maxRecordedName = 64

func cut(name string) string {
	name = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, name)
	return strings.ToValidUTF8(name[:min(len(name), maxRecordedName)], "")
}

func (a *Auth) record(ctx context.Context, by deadletter.Actor, action string) error {
	event, err := deadletter.NewEvent(by, action, "user", by.Name, "", nil, nil, a.now())
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.Record(ctx, event) })
}

// begin makes the session that of a user, under a new token, so that one which was known before is worth nothing.
func (a *Auth) begin(ctx context.Context, name string, credential int) error {
	if err := a.sessions.RenewToken(ctx); err != nil {
		return fmt.Errorf("renew the session: %w", err)
	}
	a.sessions.Put(ctx, keyUser, name)
	a.sessions.Put(ctx, keyCredential, credential)
	return nil
}

// SignOut ends the session.
func (a *Auth) SignOut(ctx context.Context, by deadletter.Actor) error {
	return errors.Join(a.record(ctx, by, "user.sign_out"), a.sessions.Destroy(ctx))
}

// Flash keeps a message for the next page of this session.
func (a *Auth) Flash(ctx context.Context, text string) { a.sessions.Put(ctx, keyFlash, text) }

// TakeFlash answers the message that was kept, once.
func (a *Auth) TakeFlash(ctx context.Context) string { return a.sessions.PopString(ctx, keyFlash) }

type actorKey struct{}

// Actor answers who is signed in; the zero Actor is nobody.
func Actor(ctx context.Context) deadletter.Actor {
	actor, _ := ctx.Value(actorKey{}).(deadletter.Actor)
	return actor
}

// Require lets only those in who are signed in and may look. The role is read anew each time, so that a change of it counts at once.
// Others are sent to sign in by deny.
func (a *Auth) Require(deny func(http.ResponseWriter, *http.Request, error)) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			actor, err := a.who(r)
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

func (a *Auth) who(r *http.Request) (deadletter.Actor, error) {
	ctx := r.Context()
	name := a.sessions.GetString(ctx, keyUser)
	if name == "" {
		return deadletter.Actor{}, deadletter.Errorf(deadletter.Unauthenticated, "sign in first")
	}
	u, err := a.store.User(ctx, name)
	if err != nil && deadletter.KindOf(err) != deadletter.NotFound {
		return deadletter.Actor{}, err
	}
	if err != nil || u.Credential != a.sessions.GetInt(ctx, keyCredential) {
		return deadletter.Actor{}, errors.Join(deadletter.Errorf(deadletter.Unauthenticated, "this session has ended: sign in again"), a.sessions.Destroy(ctx))
	}
	return deadletter.User(u.Name, u.Role, Addr(r)), nil
}

// Addr is the address that a request came from, without its port.
func Addr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// LocalPath answers where to go after sign-in: a path of this desk, never another site's address.
func LocalPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") {
		return "/"
	}
	return next
}
