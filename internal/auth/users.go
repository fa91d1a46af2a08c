package auth

import (
	"context"
	"crypto/rand"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// AddUser adds a user. Invalid says what is wrong with name, role or password; a name that is taken is a Conflict.
func (a *Auth) AddUser(ctx context.Context, by deadletter.Actor, name, role, password string) error {
	if err := by.May(deadletter.ActUsers); err != nil {
		return err
	}
	return a.addUser(ctx, by, name, role, password, func(context.Context, *store.Tx) error { return nil })
}

// addUser adds a user in one transaction with what must hold before.
func (a *Auth) addUser(
	ctx context.Context,
	by deadletter.Actor,
	name, role, password string,
	first func(context.Context, *store.Tx) error,
) error {
	parsed, err := deadletter.ParseRole(role)
	if err != nil {
		return err
	}
	if err := CheckName(name); err != nil {
		return err
	}
	if err := CheckPassword(name, password); err != nil {
		return err
	}
	hashed, err := a.hash(ctx, password)
	if err != nil {
		return err
	}
	at := a.now()
	event, err := deadletter.NewEvent(by, "user.add", "user", name, "", nil, map[string]string{"role": role}, at)
	if err != nil {
		return err
	}
	return a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		if err := first(ctx, tx); err != nil {
			return err
		}
		if err := tx.ClearSetupLink(ctx); err != nil {
			return err
		}
		return tx.AddUser(ctx, store.User{Name: name, Role: parsed, PasswordHash: hashed, CreatedAt: at}, event)
	})
}

// NewSetupLink answers the token of a link with which the first user can be made, once; it replaces the one before.
// The token is "" when there are users.
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

// SetupOpen answers nil while a set-up link can be used, and a Forbidden error that says what to do once it cannot.
func (a *Auth) SetupOpen(ctx context.Context, token string) error {
	return checkSetup(ctx, token, a.store.SetupLink)
}

func checkSetup(ctx context.Context, token string, look func(context.Context, string) (bool, error)) error {
	open, err := look(ctx, token)
	if err == nil && !open {
		err = deadletter.Errorf(
			deadletter.Forbidden,
			"this set-up link was used already, or dlqdesk was started again since: sign in, or take the newest link from its terminal",
		)
	}
	return err
}

// SetUp makes the first user, an admin, by a set-up link, and signs them in. Of two at once, one gets it; the other
// is Forbidden.
func (a *Auth) SetUp(ctx context.Context, token, name, password, addr string) error {
	if err := a.SetupOpen(ctx, token); err != nil {
		return err
	}
	by := deadletter.User(name, deadletter.Admin, addr)
	used, err := deadletter.NewEvent(by, "setup.use", "user", name, "", nil, nil, a.now())
	if err != nil {
		return err
	}
	err = a.addUser(ctx, by, name, string(deadletter.Admin), password, func(ctx context.Context, tx *store.Tx) error {
		if err := checkSetup(ctx, token, tx.SetupLink); err != nil {
			return err
		}
		return tx.Record(ctx, used)
	})
	if err != nil {
		return err
	}
	u, err := a.store.User(ctx, name)
	if err != nil {
		return err
	}
	return a.begin(ctx, u, addr)
}

// HasUsers tells whether anybody can sign in yet.
func (a *Auth) HasUsers(ctx context.Context) (bool, error) { return a.store.HasUsers(ctx) }

// ErrWrongPassword answers a change of password by somebody who does not know the present one.
var ErrWrongPassword = deadletter.Errorf(deadletter.Invalid, "this is not your current password")

// ChangePassword changes the password of whoever knows the present one. Every session of theirs ends but that of ctx,
// which gets a new token.
func (a *Auth) ChangePassword(ctx context.Context, by deadletter.Actor, current, next string) error {
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
	if err := CheckPassword(u.Name, next); err != nil {
		return err
	}
	hashed, err := a.hash(ctx, next)
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
			return deadletter.Errorf(deadletter.Conflict, "your password was changed meanwhile: sign in again")
		}
		return tx.SetPassword(ctx, u.Name, hashed, event)
	}); err != nil {
		return err
	}
	u.Credential++
	return a.renew(ctx, u)
}
