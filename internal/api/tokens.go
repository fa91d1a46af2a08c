package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
)

// Token lets a program use the API.
type Token struct {
	ID        int64      `json:"id"`
	Name      string     `json:"name"`
	Owner     string     `json:"owner,omitempty" doc:"The user in whose name it acts; absent: a machine of its own."`
	Role      string     `json:"role" enum:"viewer,operator,admin" doc:"What it may do at most."`
	Sources   []string   `json:"sources" doc:"The only ones that it reaches; empty: all."`
	Hint      string     `json:"hint" doc:"The beginning of its secret."`
	By        string     `json:"by" doc:"Who made it."`
	CreatedAt time.Time  `json:"createdAt"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
	UsedAt    *time.Time `json:"usedAt,omitempty" doc:"To within a minute."`
	Assistant bool       `json:"assistant,omitempty" doc:"It is good at /mcp alone, where an assistant reads and suggests."`
}

// NewToken is a token with its secret.
type NewToken struct {
	Token
	Secret string `json:"secret" doc:"It is shown once, and stored nowhere."`
}

type revoked struct {
	Ended int `header:"Tokens-Ended" doc:"How many ended: the token, and those made with it or with one of these."`
}

func tokenOf(t deadletter.Token) Token {
	return Token{
		ID:        int64(t.ID),
		Name:      t.Name,
		Owner:     t.Owner,
		Role:      string(t.Role),
		Sources:   append([]string{}, t.Sources...),
		Hint:      t.Hint,
		By:        t.By,
		CreatedAt: t.CreatedAt.UTC(),
		ExpiresAt: optional(t.ExpiresAt),
		UsedAt:    optional(t.UsedAt),
		Assistant: t.Assistant,
	}
}

type tokenListInput struct {
	Machines bool `query:"machines" doc:"Those of machines, for administrators, instead of those of the token's user."`
}

func (a *API) tokenOperations(described huma.API) {
	const tag = "Tokens"
	huma.Register(described, operation("list-tokens", http.MethodGet, "/tokens", tag,
		"The tokens that were not revoked, newest first"), handler(a, a.listTokens))
	add := operation("make-token", http.MethodPost, "/tokens", tag,
		"Make a token that may do no more than this one, and expires no later", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(described, add, handler(a, a.makeToken))
	type ref struct {
		ID int64 `path:"id" minimum:"1"`
	}
	huma.Register(described, operation("revoke-token", http.MethodPost, "/tokens/{id}/revoke", tag,
		"End a token and those made with it; their jobs pause and their rules are switched off", http.StatusNotFound,
		http.StatusConflict), handler(a, func(ctx context.Context, by deadletter.Actor, in *ref) (*revoked, error) {
		ended, err := a.Auth.RevokeToken(ctx, by, deadletter.TokenID(in.ID))
		return &revoked{ended}, err
	}))
	huma.Register(described, operation("revoke-me", http.MethodPost, "/me/revoke", "Identity",
		"End this token and those made with it", http.StatusConflict),
		handler(a, func(ctx context.Context, by deadletter.Actor, _ *struct{}) (*revoked, error) {
			ended, err := a.Auth.RevokeToken(ctx, by, by.Token)
			return &revoked{ended}, err
		}))
}

func (a *API) listTokens(ctx context.Context, by deadletter.Actor, in *tokenListInput) (*pageResponse[Token], error) {
	list := a.Auth.OwnTokens
	if in.Machines {
		list = a.Auth.MachineTokens
	}
	tokens, err := list(ctx, by)
	return respondWhole(tokens, err, tokenOf)
}

type tokenInput struct {
	Body struct {
		Name      string   `json:"name" maxLength:"200"`
		Role      string   `json:"role" enum:"viewer,operator,admin"`
		Sources   []string `json:"sources,omitempty" maxItems:"100" doc:"The only ones that it reaches; absent: all."`
		Days      int      `json:"days,omitempty" minimum:"0" maximum:"3650" doc:"Until it expires; absent: when this one does."`
		Assistant bool     `json:"assistant,omitempty" doc:"It is good at /mcp alone, where an assistant reads and suggests."`
		Machine   bool     `json:"machine,omitempty" doc:"A machine of its own, for administrators, instead of the user of this token."`
	}
}

func (a *API) makeToken(ctx context.Context, by deadletter.Actor, in *tokenInput) (*struct{ Body NewToken }, error) {
	b := in.Body
	token, secret, err := a.Auth.AddToken(ctx, by, deadletter.TokenInput{
		Name: b.Name, Role: deadletter.Role(b.Role), Sources: b.Sources, Days: b.Days, Machine: b.Machine,
		Assistant: b.Assistant,
	}, a.known)
	if err != nil {
		return nil, err
	}
	callerOf(ctx).showsOnce()
	return &struct{ Body NewToken }{NewToken{tokenOf(token), secret}}, nil
}
