package auth

import (
	"context"
	"crypto/rand"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// AddUser adds a user. It returns Invalid for a wrong name, role or password, and Conflict if the name is taken.
func (a *Auth) AddUser(ctx context.Context, by deadletter.Actor, name, role, password string) error {
	if err := by.May(deadletter.ActUsers); err != nil {
		return err
	}
	return a.addUser(ctx, by, name, role, password, func(context.Context, *store.Tx) error { return nil })
}

// addUser adds a user in one transaction with first, which can refuse it.
func (a *Auth) addUser(
	ctx context.Context, by deadletter.Actor, name, role, password string,
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

// HasUsers reports whether there is a user who can sign in.
func (a *Auth) HasUsers(ctx context.Context) (bool, error) { return a.store.HasUsers(ctx) }

// ErrWrongPassword is returned by ChangePassword if the current password is wrong.
var ErrWrongPassword = deadletter.Errorf(deadletter.Invalid, "this is not your current password")

// ChangePassword changes the password of a user who knows the current one. It ends every other session of theirs, and
// gives the session of ctx a new token.
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
