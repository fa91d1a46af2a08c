package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"regexp"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"dlqdesk/internal/deadletter"
)

// hashers is how many passwords are hashed at once. Each needs memory, which many sign-ins at once could exhaust.
const hashers = 2

// The length of a password, in characters. NIST SP 800-63B-3, section 5.1.1.2, asks for at least 8, and for no other
// rule than a list of common passwords. Ten, because there is no second factor here.
const minPassword, maxPassword = 10, 200

// PasswordRule returns a sentence about acceptable passwords.
func PasswordRule() string {
	return fmt.Sprintf("At least %d characters. Four random words are better than one with signs in it.", minPassword)
}

var userName = regexp.MustCompile(`^[A-Za-z0-9._@-]{1,64}$`)

// CheckName returns Invalid if a name cannot be that of a user.
func CheckName(name string) error {
	if userName.MatchString(name) && !strings.EqualFold(name, deadletter.System().Name) {
		return nil
	}
	return deadletter.Errorf(deadletter.Invalid,
		"a user name has 1 to 64 characters: a-z, A-Z, 0-9, dots, hyphens, underscores or @, and is not %q",
		deadletter.System().Name)
}

// CheckPassword returns Invalid, with the reason, if a user cannot have this password.
func (a *Auth) CheckPassword(name, password string) error {
	n := utf8.RuneCountInString(password)
	switch {
	case n < minPassword:
		return deadletter.Errorf(deadletter.Invalid, "this password has %d characters: use at least %d", n, minPassword)
	case n > maxPassword:
		return deadletter.Errorf(deadletter.Invalid, "this password has %d characters: use at most %d", n, maxPassword)
	case saysName(name, password):
		return deadletter.Errorf(
			deadletter.Invalid,
			"this password is little more than the user name or dlqdesk: use four words that have nothing to do "+
				"with them",
		)
	case a.isCommon(password):
		return deadletter.Errorf(
			deadletter.Invalid,
			"this password is one of the most common ones, or nearly: guessers "+
				"try it first; use four random words instead",
		)
	}
	return nil
}

// muchMemory, in KiB, is as much as the rest of the program needs. A hash of the usual cost takes more.
const muchMemory = 16 << 10

// hash returns the hash of a password. It waits while hashers others are being made.
func (a *Auth) hash(ctx context.Context, password string) (string, error) {
	var hashed string
	err := a.withHasher(ctx, func() (err error) {
		hashed, err = argon2id.CreateHash(password, &a.params)
		return err
	})
	return hashed, err
}

// randomHash returns a hash that no known password fits. A comparison with it costs as much as with a real one.
func randomHash(p argon2id.Params) string {
	salt, key := make([]byte, p.SaltLength), make([]byte, p.KeyLength)
	_, _ = rand.Read(salt) // it never fails
	_, _ = rand.Read(key)
	text := base64.RawStdEncoding.EncodeToString
	const format = "$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s"
	return fmt.Sprintf(format, p.Memory, p.Iterations, p.Parallelism, text(salt), text(key))
}

func (a *Auth) matches(ctx context.Context, password, hash string) (bool, error) {
	var ok bool
	err := a.withHasher(ctx, func() (err error) {
		ok, err = a.compare(password, hash)
		return err
	})
	return ok, err
}

func (a *Auth) withHasher(ctx context.Context, work func() error) error {
	select {
	case a.hashing <- struct{}{}:
		defer func() { <-a.hashing }()
	case <-ctx.Done():
		return &deadletter.Error{
			Kind: deadletter.Unavailable,
			Text: "too many users sign in at once: try again in a moment",
			Err:  ctx.Err(),
		}
	}
	err := work()
	if a.params.Memory >= muchMemory {
		debug.FreeOSMemory() // or the heap grows to twice that over time
	}
	if err != nil {
		return fmt.Errorf("hash the password: %w", err)
	}
	return nil
}
