package api

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
)

// Token is a token of the API, without its secret.
type Token struct {
	ID        int64      `json:"id"`
	Name      string     `json:"name"`
	Owner     string     `json:"owner,omitempty" doc:"The user in whose name it acts; absent for a machine."`
	Role      string     `json:"role" enum:"viewer,operator,admin"`
	Sources   []string   `json:"sources" doc:"The only ones that it reaches; empty: all."`
	Hint      string     `json:"hint" doc:"The beginning of its secret."`
	By        string     `json:"by" doc:"Who made it."`
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	UsedAt    *time.Time `json:"usedAt,omitempty" doc:"To within a minute."`
}

// NewToken is a token that was just made.
type NewToken struct {
	Token
	Secret string `json:"secret" doc:"It is shown once, and the desk keeps only its hash."`
}

func tokenOf(t deadletter.Token) Token {
	return Token{
		ID: int64(t.ID), Name: t.Name, Owner: t.Owner, Role: string(t.Role), Sources: append([]string{}, t.Sources...),
		Hint: t.Hint, By: t.By, CreatedAt: t.CreatedAt.UTC(), ExpiresAt: optional(t.ExpiresAt),
		UsedAt: optional(t.UsedAt),
	}
}

// tokenOperations are those on tokens. The answer of making one is not kept, because it has the secret: once is for an
// API that keeps no answers.
func (a *API) tokenOperations(described, once huma.API) {
	const tag = "Tokens"
	type listInput struct {
		Machines bool `query:"machines" doc:"Those of machines, for administrators, instead of those of your user."`
	}
	type list struct{ Body PageOf[Token] }
	huma.Register(described, operation("list-tokens", http.MethodGet, "/tokens", tag,
		"Tokens that were not revoked, newest first"),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *listInput) (*list, error) {
			read := a.Auth.OwnTokens
			if in.Machines {
				read = a.Auth.MachineTokens
			}
			tokens, err := read(ctx, by)
			out := PageOf[Token]{Items: make([]Token, len(tokens))}
			for i, t := range tokens {
				out.Items[i] = tokenOf(t)
			}
			return &list{out}, err
		}))
	type makeInput struct {
		Body struct {
			Name    string   `json:"name" minLength:"1" maxLength:"60"`
			Machine bool     `json:"machine,omitempty" doc:"It acts in its own name, and goes on when you leave."`
			Role    string   `json:"role" enum:"viewer,operator,admin"`
			Sources []string `json:"sources,omitempty" maxItems:"100" doc:"The only ones that it reaches; absent: all."`
			Days    int      `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"Until it expires; 0: it does not."`
		}
	}
	type made struct{ Body NewToken }
	add := operation("make-token", http.MethodPost, "/tokens", tag,
		"Make a token; an Idempotency-Key is ignored", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(once, add, handler(a, func(ctx context.Context, by deadletter.Actor, in *makeInput) (*made, error) {
		known := func(source string) bool {
			return slices.ContainsFunc(a.Sources(), func(s Source) bool { return s.Name == source })
		}
		token, secret, err := a.Auth.AddToken(ctx, by, deadletter.TokenInput{
			Name: in.Body.Name, Machine: in.Body.Machine, Role: deadletter.Role(in.Body.Role), Sources: in.Body.Sources,
			Days: in.Body.Days,
		}, known)
		return &made{NewToken{tokenOf(token), secret}}, err
	}))
	type ref struct {
		ID int64 `path:"id" minimum:"1"`
	}
	huma.Register(described, operation("revoke-token", http.MethodPost, "/tokens/{id}/revoke", tag,
		"End a token of yours, or any for administrators", http.StatusNotFound, http.StatusConflict),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *ref) (*struct{}, error) {
			return nil, a.Auth.RevokeToken(ctx, by, deadletter.TokenID(in.ID))
		}))
	huma.Register(described, operation("revoke-me", http.MethodPost, "/me/revoke", "Identity",
		"End this token", http.StatusConflict),
		handler(a, func(ctx context.Context, by deadletter.Actor, _ *struct{}) (*struct{}, error) {
			return nil, a.Auth.RevokeToken(ctx, by, by.Token)
		}))
}
