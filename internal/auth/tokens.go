package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"hash/crc32"
	"slices"
	"strings"
	"time"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// The form of a token's secret: tokenPrefix, tokenChars random characters, and six that are the CRC-32 of these. By the
// prefix and the checksum a scanner for leaked secrets finds it in any text, without asking anyone. Example:
//
//	dqd_R7c0ynTMsMQ2k8S3bR5XhT1wqZJ9fLpA1aB2cD
const (
	tokenPrefix  = "dqd_"
	tokenChars   = 32 // 190 bits
	tokenSum     = 6
	tokenLength  = len(tokenPrefix) + tokenChars + tokenSum
	tokenHint    = len(tokenPrefix) + 4
	base62Digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// newTokenSecret returns the secret of a new token.
func newTokenSecret() string {
	secret := tokenPrefix + randomText(base62Digits, tokenChars)
	return secret + tokenChecksum(secret)
}

// randomText returns n random characters of an alphabet, each as likely.
func randomText(alphabet string, n int) string {
	text := make([]byte, 0, n)
	for buffer := make([]byte, 1); len(text) < n; {
		_, _ = rand.Read(buffer) // it never fails
		if b := int(buffer[0]); b < 256-256%len(alphabet) {
			text = append(text, alphabet[b%len(alphabet)])
		}
	}
	return string(text)
}

func tokenChecksum(secret string) string {
	sum := crc32.ChecksumIEEE([]byte(secret))
	digits := make([]byte, tokenSum)
	for i := tokenSum - 1; i >= 0; i-- {
		digits[i], sum = base62Digits[sum%62], sum/62
	}
	return string(digits)
}

// isTokenSecret reports whether a text has the form of a secret and the right checksum.
func isTokenSecret(text string) bool {
	return len(text) == tokenLength && strings.HasPrefix(text, tokenPrefix) &&
		tokenChecksum(text[:tokenLength-tokenSum]) == text[tokenLength-tokenSum:]
}

// AddToken makes a token and returns it with its secret, which is not stored and cannot be shown again. known reports
// whether a source is configured.
func (a *Auth) AddToken(
	ctx context.Context, by deadletter.Actor, in deadletter.TokenInput, known func(source string) bool,
) (token deadletter.Token, secret string, err error) {
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) (err error) {
		var with deadletter.Token
		if by.Token != 0 {
			if with, err = tx.Token(ctx, by.Token); err != nil {
				return err
			}
			if !with.InForce(a.now()) {
				return errNoToken // it was revoked a moment ago
			}
		}
		change, err := deadletter.NewToken(by, with, in, known, a.now())
		if err != nil {
			return err
		}
		token, secret, err = addToken(ctx, tx, change)
		return err
	})
	return token, secret, err
}

// addToken stores a new token with the hash of its secret.
func addToken(
	ctx context.Context, tx *store.Tx, change deadletter.TokenChange,
) (token deadletter.Token, secret string, err error) {
	secret = newTokenSecret()
	change.After.Hint = secret[:tokenHint]
	hash := sha256.Sum256([]byte(secret))
	if token, err = tx.AddToken(ctx, change, hash[:]); err != nil {
		return token, "", err
	}
	return token, secret, nil
}

// RevokeToken ends a token, and those that were made with it or with one of these. The jobs that were started with them
// pause, and their rules are switched off. It returns how many tokens ended.
func (a *Auth) RevokeToken(
	ctx context.Context, by deadletter.Actor, id deadletter.TokenID,
) (ended int, err error) {
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		token, err := tx.Token(ctx, id)
		if err != nil {
			return err
		}
		at := a.now()
		first, err := token.Revoke(by, at)
		if err != nil {
			return err
		}
		changes := []deadletter.TokenChange{first}
		for ended = 0; ended < len(changes); ended++ {
			parent := changes[ended]
			if err := errors.Join(tx.RevokeToken(ctx, parent), stopToken(ctx, tx, parent.After, at)); err != nil {
				return err
			}
			made, err := tx.TokensMadeWith(ctx, parent.After.ID)
			if err != nil {
				return err
			}
			for _, t := range made {
				change, err := t.RevokeWith(parent, by, at)
				if err != nil {
					return err
				}
				changes = append(changes, change)
			}
		}
		return nil
	})
	return ended, err
}

// stopToken stops what goes on with a token that was revoked.
func stopToken(ctx context.Context, tx *store.Tx, token deadletter.Token, at time.Time) error {
	jobs, err := tx.RunningJobsOfToken(ctx, token.ID)
	if err != nil {
		return err
	}
	rules, err := tx.RulesOnOfToken(ctx, token.ID)
	if err != nil {
		return err
	}
	return errors.Join(
		pause(ctx, tx, jobs, func(deadletter.Job) string { return token.PauseReason() }, at),
		switchOff(ctx, tx, rules, func(deadletter.Rule) string { return token.PauseReason() }, at),
	)
}

// OwnTokens returns the tokens in the name of the actor's user that were not revoked; none for a machine. A token
// of some sources sees those that may no more than it.
func (a *Auth) OwnTokens(ctx context.Context, by deadletter.Actor) ([]deadletter.Token, error) {
	if err := by.May(deadletter.ActView); err != nil || by.Account() == "" {
		return nil, err
	}
	list, err := a.store.Tokens(ctx, by.Account())
	if by.Sources != "" {
		list = slices.DeleteFunc(list, func(t deadletter.Token) bool { return !t.IsOf(by) })
	}
	return list, err
}

// MachineTokens returns the tokens of machines that were not revoked.
func (a *Auth) MachineTokens(ctx context.Context, by deadletter.Actor) ([]deadletter.Token, error) {
	if err := by.May(deadletter.ActUsers); err != nil {
		return nil, err
	}
	return a.store.Tokens(ctx, "")
}

// errNoToken tells a stranger nothing about which tokens there are.
var errNoToken = deadletter.Errorf(deadletter.Unauthenticated, "this token is not known: make one on the account page")

// ByToken returns who a program with a token's secret is. It returns Unauthenticated if there is no such token, or it
// is not in force. addr is the address that the request came from. Secrets are looked up by their hash, so that the
// time of a look-up tells nothing of them.
func (a *Auth) ByToken(
	ctx context.Context, secret, addr string,
) (by deadletter.Actor, token deadletter.Token, err error) {
	if !isTokenSecret(secret) {
		return by, token, errNoToken
	}
	hash, at := sha256.Sum256([]byte(secret)), a.now()
	token, err = a.store.TokenByHash(ctx, hash[:])
	if deadletter.KindOf(err) == deadletter.NotFound {
		return by, token, errNoToken
	}
	if err != nil {
		return by, token, err
	}
	owner := deadletter.Account{Name: token.Owner, Deleted: true}
	if token.Owner != "" {
		u, err := a.store.User(ctx, token.Owner)
		if err != nil && deadletter.KindOf(err) != deadletter.NotFound {
			return by, token, err
		}
		if err == nil {
			owner = u.Account()
		}
	}
	if by, err = token.Actor(owner, addr, at); err != nil {
		return by, token, err
	}
	return by, token, a.store.UseToken(ctx, token, at)
}
