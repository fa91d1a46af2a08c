// Package auth knows who may come in: users, passwords, sign-in and sessions. What a user may then do is the domain's to say.
package auth

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"regexp"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"github.com/alexedwards/scs/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// Auth signs people in and out. Its methods may be called from many goroutines.
type Auth struct {
	store    *store.Store
	sessions *scs.SessionManager
	now      func() time.Time
	hashing  chan struct{}
	nobody   string // the hash that a name without a user is compared with
}

const (
	// lifetime is that of a session, used or not: a working day. An idle timeout would cost a write with every page.
	lifetime = 12 * time.Hour

	// hashers bounds how many passwords are hashed at once, each in 64 MiB.
	hashers = 2

	minPassword, maxPassword = 10, 200 // characters; NIST SP 800-63B asks for 8 at least and takes length over rules
)

// parameters follow the second recommendation of RFC 9106, section 4.
var parameters = &argon2id.Params{Memory: 64 << 10, Iterations: 3, Parallelism: 2, SaltLength: 16, KeyLength: 32}

// Settings say how cookies are set.
type Settings struct {
	Secure bool // the desk is reached by https only
}

// New makes an Auth on a store.
func New(s *store.Store, settings Settings, now func() time.Time) (*Auth, error) {
	a := &Auth{store: s, sessions: scs.New(), now: now, hashing: make(chan struct{}, hashers)}
	a.sessions.Store = s.Sessions(now)
	a.sessions.Lifetime = lifetime
	a.sessions.Cookie.Name, a.sessions.Cookie.Path = "dlqdesk_session", "/"
	a.sessions.Cookie.HttpOnly, a.sessions.Cookie.SameSite = true, http.SameSiteLaxMode
	if settings.Secure {
		// The prefix makes browsers refuse the cookie from anything but this very host over https: RFC 6265bis, section 4.1.3.2.
		a.sessions.Cookie.Name, a.sessions.Cookie.Secure = "__Host-dlqdesk_session", true
	}
	var err error
	a.nobody, err = argon2id.CreateHash(rand.Text(), parameters)
	if err != nil {
		return nil, fmt.Errorf("hash: %w", err)
	}
	return a, nil
}

var userName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$`)

func checkName(name string) error {
	if userName.MatchString(name) && name != deadletter.System().Name {
		return nil
	}
	return deadletter.Errorf(deadletter.Invalid, "a user name has 1 to 64 letters, digits, dots, hyphens, underscores or @, and begins with a letter or digit")
}

func checkPassword(password string) error {
	switch n := utf8.RuneCountInString(password); {
	case n < minPassword:
		return deadletter.Errorf(deadletter.Invalid, "the password has %d characters: use %d or more, four random words will do", n, minPassword)
	case n > maxPassword:
		return deadletter.Errorf(deadletter.Invalid, "the password has %d characters: use %d at most", n, maxPassword)
	}
	return nil
}

// hash makes the argon2id hash of a password when it is its turn.
func (a *Auth) hash(ctx context.Context, password string) (string, error) {
	if err := a.takeTurn(ctx); err != nil {
		return "", err
	}
	defer a.endTurn()
	hashed, err := argon2id.CreateHash(password, parameters)
	if err != nil {
		return "", fmt.Errorf("hash the password: %w", err)
	}
	return hashed, nil
}

func (a *Auth) matches(ctx context.Context, password, hash string) (bool, error) {
	if err := a.takeTurn(ctx); err != nil {
		return false, err
	}
	defer a.endTurn()
	ok, err := argon2id.ComparePasswordAndHash(password, hash)
	if err != nil {
		return false, fmt.Errorf("compare the password: %w", err)
	}
	return ok, nil
}

func (a *Auth) takeTurn(ctx context.Context) error {
	select {
	case a.hashing <- struct{}{}:
		return nil
	case <-ctx.Done():
		return &deadletter.Error{Kind: deadletter.Unavailable, Text: "too many people sign in at once: try again in a moment", Err: ctx.Err()}
	}
}

func (a *Auth) endTurn() { <-a.hashing }

// AddUser adds a user. Invalid says what is wrong with name, role or password; a name that is taken is a Conflict.
func (a *Auth) AddUser(ctx context.Context, by deadletter.Actor, name, role, password string) error {
	if err := by.May(deadletter.ActUsers); err != nil {
		return err
	}
	return a.addUser(ctx, by, name, role, password, func(context.Context, *store.Tx) error { return nil })
}

// addUser adds a user in one transaction with what must hold or happen as well.
func (a *Auth) addUser(ctx context.Context, by deadletter.Actor, name, role, password string, also func(context.Context, *store.Tx) error) error {
	parsed, err := deadletter.ParseRole(role)
	if err != nil {
		return err
	}
	if err := checkName(name); err != nil {
		return err
	}
	if err := checkPassword(password); err != nil {
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
		if err := also(ctx, tx); err != nil {
			return err
		}
		if err := tx.ClearSetupLink(ctx); err != nil {
			return err
		}
		return tx.AddUser(ctx, store.User{Name: name, Role: parsed, PasswordHash: hashed, CreatedAt: at}, event)
	})
}

// NewSetupLink answers the token of a link with which the first user can be made, once. It is "" when there are users.
func (a *Auth) NewSetupLink(ctx context.Context) (string, error) {
	token := rand.Text()
	err := a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		has, err := tx.HasUsers(ctx)
		if err != nil {
			return err
		}
		if has {
			token = ""
			return tx.ClearSetupLink(ctx)
		}
		return tx.SetSetupLink(ctx, token, a.now())
	})
	return token, err
}

var errSetupUsed = deadletter.Errorf(deadletter.Forbidden, "this set-up link was used or replaced: sign in, or restart dlqdesk for a new one while there is no user")

// SetupOpen tells whether a set-up link can still be used.
func (a *Auth) SetupOpen(ctx context.Context, token string) (bool, error) {
	return a.store.SetupLink(ctx, token)
}

// SetUp makes the first user, an admin, of a set-up link. Of two at once, one gets it.
func (a *Auth) SetUp(ctx context.Context, token, name, password, addr string) error {
	open, err := a.store.SetupLink(ctx, token)
	if err != nil {
		return err
	}
	if !open {
		return errSetupUsed
	}
	by := deadletter.User(name, deadletter.Admin, addr)
	return a.addUser(ctx, by, name, string(deadletter.Admin), password, func(ctx context.Context, tx *store.Tx) error {
		if open, err := tx.SetupLink(ctx, token); err != nil || !open {
			return firstOf(err, errSetupUsed)
		}
		return nil
	})
}

func firstOf(err error, otherwise *deadletter.Error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// ChangePassword changes the password of a user who knows the present one. Every session of the user ends but the one of ctx.
func (a *Auth) ChangePassword(ctx context.Context, by deadletter.Actor, current, next string) error {
	u, err := a.store.User(ctx, by.Name)
	if err != nil {
		return err
	}
	if err := checkPassword(next); err != nil {
		return err
	}
	ok, err := a.matches(ctx, current, u.PasswordHash)
	if err != nil {
		return err
	}
	if !ok {
		return deadletter.Errorf(deadletter.Invalid, "the present password is not right")
	}
	hashed, err := a.hash(ctx, next)
	if err != nil {
		return err
	}
	event, err := deadletter.NewEvent(by, "user.password", "user", u.Name, "", nil, nil, a.now())
	if err != nil {
		return err
	}
	if err := a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error { return tx.SetPassword(ctx, u.Name, hashed, event) }); err != nil {
		return err
	}
	return a.begin(ctx, u.Name, u.Credential+1)
}
