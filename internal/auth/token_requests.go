package auth

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"net/http"
	"strings"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// The code that a person enters has eight consonants of which none can be taken for another, so that it is no word: 34
// bits (RFC 8628, section 6.1). It only finds a request; the token goes to the program that has its secret.
const (
	codeAlphabet = "BCDFGHJKLMNPQRSTVWXZ"
	codeLength   = 8
)

// AdmitStranger counts a request of the API that has no token. After too many from one network it returns RateLimited
// and sets Retry-After.
func (a *Auth) AdmitStranger(w http.ResponseWriter, r *http.Request) error {
	return a.tooMany(w, a.limits.strangers.take(network(Addr(r)), a.now()))
}

// AskForToken stores that a program at an address waits for a token with a name. It returns the secret by which the
// program takes it.
func (a *Auth) AskForToken(
	ctx context.Context, name, addr string,
) (request deadletter.TokenRequest, secret string, err error) {
	wait := a.limits.asking.take(network(addr), a.now())
	if wait == 0 {
		wait = a.limits.sites.take(site(addr), a.now())
	}
	if wait > 0 {
		return request, "", deadletter.Errorf(deadletter.RateLimited,
			"too many programs of your network wait for a token: try again in %d s", int(wait.Seconds())+1)
	}
	code := randomText(codeAlphabet, codeLength)
	request, err = deadletter.NewTokenRequest(name, code[:codeLength/2]+"-"+code[codeLength/2:], addr, a.now())
	if err != nil {
		return request, "", err
	}
	secret = rand.Text()
	hash := sha256.Sum256([]byte(secret))
	return request, secret, a.store.AddTokenRequest(ctx, request, hash[:])
}

// TokenRequest returns the request with the code that a person entered, while they can decide about it. After too many
// codes it returns RateLimited and sets Retry-After.
func (a *Auth) TokenRequest(
	ctx context.Context, w http.ResponseWriter, by deadletter.Actor, code string,
) (request deadletter.TokenRequest, err error) {
	if err := a.admitCode(w, by); err != nil {
		return request, err
	}
	if request, err = a.store.TokenRequest(ctx, writtenCode(code)); err != nil {
		return request, err
	}
	return request, request.MayDecide(by, a.now())
}

// admitCode counts a code that a person entered.
func (a *Auth) admitCode(w http.ResponseWriter, by deadletter.Actor) error {
	return a.tooMany(w, a.limits.names.take("code of "+by.Name, a.now()))
}

// writtenCode returns a code as it is stored: people write it with spaces, in lower case, or without its hyphen.
func writtenCode(text string) string {
	code := strings.Map(func(r rune) rune {
		if strings.ContainsRune(codeAlphabet, r) {
			return r
		}
		return -1
	}, strings.ToUpper(deadletter.Printable(text, maxRecordedName)))
	if len(code) != codeLength {
		return code
	}
	return code[:codeLength/2] + "-" + code[codeLength/2:]
}

// GrantToken lets the program that shows a code take a token of the actor. It limits codes as TokenRequest does.
func (a *Auth) GrantToken(
	ctx context.Context, w http.ResponseWriter, by deadletter.Actor, code string, role deadletter.Role, days int,
) (deadletter.TokenRequest, error) {
	return a.decide(ctx, w, by, code, func(r deadletter.TokenRequest) (deadletter.TokenRequestChange, error) {
		return r.Grant(by, role, days, a.now())
	})
}

// RefuseToken refuses a token to the program that shows a code. It limits codes as TokenRequest does.
func (a *Auth) RefuseToken(
	ctx context.Context, w http.ResponseWriter, by deadletter.Actor, code string,
) (deadletter.TokenRequest, error) {
	return a.decide(ctx, w, by, code, func(r deadletter.TokenRequest) (deadletter.TokenRequestChange, error) {
		return r.Refuse(by, a.now())
	})
}

func (a *Auth) decide(
	ctx context.Context, w http.ResponseWriter, by deadletter.Actor, code string,
	decision func(deadletter.TokenRequest) (deadletter.TokenRequestChange, error),
) (request deadletter.TokenRequest, err error) {
	if err := a.admitCode(w, by); err != nil {
		return request, err
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		request, err = tx.TokenRequest(ctx, writtenCode(code))
		if err != nil {
			return err
		}
		change, err := decision(request)
		if err != nil {
			return err
		}
		return tx.DecideTokenRequest(ctx, change)
	})
	return request, err
}

// TakeToken gives the program with the secret of a request the token that was granted, once. addr is the address that
// asks for it. ok is false while no person has decided. It returns Forbidden if a person refused, and NotFound if there
// is no such request any more. Secrets are looked up by their hash, so that the time of a look-up tells nothing of them.
func (a *Auth) TakeToken(
	ctx context.Context, requestSecret, addr string,
) (token deadletter.Token, secret string, ok bool, err error) {
	hash := sha256.Sum256([]byte(requestSecret))
	request, err := a.store.TokenRequestBySecret(ctx, hash[:])
	if err != nil {
		return token, "", false, err
	}
	if request.IsWaiting(a.now()) {
		return token, "", false, nil // and nothing is written
	}
	err = a.store.Write(ctx, func(ctx context.Context, tx *store.Tx) error {
		request, err := tx.TokenRequestBySecret(ctx, hash[:])
		if err != nil {
			return err
		}
		owner := deadletter.Account{Name: request.By, Deleted: true}
		u, err := tx.User(ctx, request.By)
		if err != nil && deadletter.KindOf(err) != deadletter.NotFound {
			return err
		}
		if err == nil {
			owner = u.Account()
		}
		change, taken, decided, err := request.Take(owner, addr, a.now())
		if err != nil || !decided {
			return err
		}
		if token, secret, err = addToken(ctx, tx, change); err != nil {
			return err
		}
		ok = true
		return tx.ChangeTokenRequest(ctx, taken)
	})
	if err != nil {
		return token, "", false, fmt.Errorf("take a token: %w", err)
	}
	return token, secret, ok, nil
}
