package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
)

// DevicePage is where a person enters the code of a program that waits for a token.
const DevicePage = "/device"

// TokenRequest is the answer to a program that asks for a token, by which it and a person go on (RFC 8628).
type TokenRequest struct {
	Secret    string    `json:"secret" doc:"By it the program takes its token. Show it to nobody."`
	Code      string    `json:"code" doc:"That a person enters on the page." example:"BCDF-GHJK"`
	Page      string    `json:"page" doc:"The path of the page, below the address of the desk." example:"/device"`
	ExpiresAt time.Time `json:"expiresAt"`
	Interval  int       `json:"interval" doc:"Seconds to wait before each look whether it was granted."`
}

// GrantedToken is the state of a request for a token, with the token if it was granted.
type GrantedToken struct {
	State     string     `json:"state" enum:"waiting,granted" doc:"Waiting: look again after the interval."`
	Token     string     `json:"token,omitempty" doc:"It is given once, and the desk keeps only its hash."`
	Name      string     `json:"name,omitempty" doc:"As the audit trail names it."`
	Role      string     `json:"role,omitempty" enum:"viewer,operator,admin"`
	ExpiresAt *time.Time `json:"expiresAt,omitempty"`
}

// pollInterval is how often a program looks, in seconds.
const pollInterval = 2

// asStranger admits requests without a token, so many from one network.
func (a *API) asStranger(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := a.Auth.AdmitStranger(w, r); err != nil {
			a.fail(w, r, err)
			return
		}
		by := caller{by: deadletter.Actor{Addr: auth.Addr(r)}}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), callerKey{}, by)))
	})
}

// loginOperations are those of programs that have no token yet.
func (a *API) loginOperations(open huma.API) {
	type asked struct{ Body TokenRequest }
	type askInput struct {
		Body struct {
			Name string `json:"name" minLength:"1" maxLength:"60" doc:"Of the token; the person sees it." example:"CLI on laptop"`
		}
	}
	ask := operation("request-token", http.MethodPost, "/token-requests", "Identity",
		"Ask a person for a token, without one")
	ask.Security, ask.DefaultStatus = []map[string][]string{{}}, http.StatusCreated
	huma.Register(open, ask, handler(a, func(ctx context.Context, by deadletter.Actor, in *askInput) (*asked, error) {
		r, secret, err := a.Auth.AskForToken(ctx, in.Body.Name, by.Addr)
		return &asked{TokenRequest{secret, r.Code, DevicePage, r.ExpiresAt, pollInterval}}, err
	}))
	type taken struct{ Body GrantedToken }
	type takeInput struct {
		Body struct {
			Secret string `json:"secret" minLength:"1" maxLength:"100"`
		}
	}
	take := operation("take-token", http.MethodPost, "/token-requests/take", "Identity",
		"Take the token that a person granted, once", http.StatusNotFound, http.StatusConflict)
	take.Security = []map[string][]string{{}}
	huma.Register(open, take, handler(a, func(ctx context.Context, by deadletter.Actor, in *takeInput) (*taken, error) {
		token, secret, ok, err := a.Auth.TakeToken(ctx, in.Body.Secret, by.Addr)
		if err != nil || !ok {
			return &taken{GrantedToken{State: "waiting"}}, err
		}
		return &taken{GrantedToken{
			State: "granted", Token: secret, Name: token.Name + " of " + token.Owner, Role: string(token.Role),
			ExpiresAt: optional(token.ExpiresAt),
		}}, nil
	}))
}
