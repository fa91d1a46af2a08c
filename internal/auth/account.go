package auth

import (
	"context"
	"crypto/rand"
	"net/http"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// NewSetupLink returns the token of a link that makes the first user, once. It replaces the previous token. The token
// is "" if there are users.
func (a *Auth) NewSetupLink(ctx context.Context) (string, error) {
	var token string
	err := a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		token = ""
		has, err := tx.HasUsers(ctx)
		if err != nil {
			return err
		}
		if has {
			return tx.ClearSetupLink(ctx)
		}
		token = rand.Text()
		return tx.SetSetupLink(ctx, token, a.now())
	})
	return token, err
}

// SetupOpen returns nil while a set-up link can be used, and Forbidden after that.
func (a *Auth) SetupOpen(ctx context.Context, token string) error {
	return checkSetup(ctx, token, a.store.SetupLink)
}

func checkSetup(ctx context.Context, token string, isOpen func(context.Context, string) (bool, error)) error {
	open, err := isOpen(ctx, token)
	if err == nil && !open {
		err = deadletter.Errorf(
			deadletter.Forbidden,
			"this set-up link was used already, or dlqdesk was started again "+
				"since: sign in, or take the newest link from its terminal",
		)
	}
	return err
}

// SetUp uses a set-up link to add the first user, an admin, and signs them in. Of two at once, the second gets
// Forbidden.
func (a *Auth) SetUp(w http.ResponseWriter, r *http.Request, token, name, password string) error {
	ctx := r.Context()
	if err := a.SetupOpen(ctx, token); err != nil {
		return err
	}
	u, err := a.newUser(ctx, name, string(deadletter.Admin), password)
	if err != nil {
		return err
	}
	by := deadletter.User(name, deadletter.Admin, Addr(r))
	used, err := deadletter.NewEvent(by, "setup.use", "user", name, "", nil, nil, a.now())
	if err != nil {
		return err
	}
	err = a.addUser(ctx, by, u, func(ctx context.Context, tx *store.Tx) error {
		if err := checkSetup(ctx, token, tx.SetupLink); err != nil {
			return err
		}
		return tx.Record(ctx, used)
	})
	if err != nil {
		return err
	}
	return a.beginAs(w, r, name)
}

// HasUsers reports whether there is any user.
func (a *Auth) HasUsers(ctx context.Context) (bool, error) { return a.store.HasUsers(ctx) }

// ErrWrongPassword is returned by ChangePassword if the current password is wrong.
var ErrWrongPassword = deadletter.Errorf(deadletter.Invalid, "this is not your current password")

// ChangePassword changes the password of a user who knows the current one. It ends every other session of theirs, and
// gives this session a new token. After too many attempts it returns RateLimited and sets Retry-After: their number
// does not depend on attempts to sign in.
func (a *Auth) ChangePassword(w http.ResponseWriter, r *http.Request, current, next string) error {
	ctx, by := r.Context(), Actor(r.Context())
	if err := a.tooMany(w, a.limits.names.take("password of "+by.Name, a.now())); err != nil {
		return err
	}
	u, err := a.store.User(ctx, by.Name)
	if err != nil {
		return err
	}
	ok, err := a.matches(ctx, current, u.PasswordHash)
	if err != nil {
		return err
	}
	if !ok {
		return ErrWrongPassword
	}
	hashed, err := a.checkedHash(ctx, u.Name, next)
	if err != nil {
		return err
	}
	event, err := deadletter.NewEvent(by, "user.password", "user", u.Name, "", nil, nil, a.now())
	if err != nil {
		return err
	}
	if err := a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		present, err := tx.User(ctx, u.Name)
		if err != nil {
			return err
		}
		if present.Credential != u.Credential {
			return errChanged
		}
		return tx.SetPassword(ctx, u.Name, hashed, event)
	}); err != nil {
		return err
	}
	u.Credential++
	return a.open(ctx, u, a.clientOf(r), func(context.Context, *store.Tx) error { return nil })
}

// OwnSession is a session of the signed-in user.
type OwnSession struct {
	store.Session
	Current bool // it is that of the request
}

// maxOwnSessions is how many sessions a user is shown: a script that signs in each minute has hundreds.
const maxOwnSessions = 100

// OwnSessions returns the sessions of the signed-in user, the latest used first. more reports that there are others,
// which were used longer ago.
func (a *Auth) OwnSessions(ctx context.Context) (list []OwnSession, more bool, err error) {
	all, err := a.store.Sessions(ctx, Actor(ctx).Name, a.now(), a.now().Add(-idleTimeout), maxOwnSessions+1)
	if err != nil {
		return nil, false, err
	}
	current := store.SessionID(a.sessions.Token(ctx))
	for _, s := range all[:min(len(all), maxOwnSessions)] {
		list = append(list, OwnSession{s, s.ID == current})
	}
	return list, len(all) > maxOwnSessions, nil
}

// EndOwnSession ends one session of the signed-in user. It returns NotFound if that has ended already.
func (a *Auth) EndOwnSession(ctx context.Context, id string) error {
	return a.endOwn(ctx, func(ctx context.Context, tx *store.Tx, user string) error {
		return tx.EndSession(ctx, user, id)
	})
}

// EndOtherSessions ends every session of the signed-in user but that of the request.
func (a *Auth) EndOtherSessions(ctx context.Context) (n int64, err error) {
	current := store.SessionID(a.sessions.Token(ctx))
	err = a.endOwn(ctx, func(ctx context.Context, tx *store.Tx, user string) (err error) {
		n, err = tx.EndSessions(ctx, user, current)
		return err
	})
	return n, err
}

func (a *Auth) endOwn(ctx context.Context, end func(ctx context.Context, tx *store.Tx, user string) error) error {
	by := Actor(ctx)
	event, err := deadletter.NewEvent(by, "user.end_sessions", "user", by.Name, "", nil, nil, a.now())
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := end(ctx, tx, by.Name); err != nil {
			return err
		}
		return tx.Record(ctx, event)
	})
}

// Account returns the signed-in user as the store has it.
func (a *Auth) Account(ctx context.Context) (store.User, error) {
	return a.store.User(ctx, Actor(ctx).Name)
}
