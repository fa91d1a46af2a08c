package api

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
)

// User is a person who can sign in.
type User struct {
	Name       string     `json:"name"`
	Role       string     `json:"role" enum:"viewer,operator,admin"`
	State      string     `json:"state" enum:"active,invited,disabled" doc:"Invited: has not chosen a password yet."`
	Sessions   int        `json:"sessions" doc:"Browsers that are signed in."`
	CreatedAt  time.Time  `json:"createdAt"`
	PasswordAt *time.Time `json:"passwordAt,omitempty" doc:"When the password was set."`
	SignedInAt *time.Time `json:"signedInAt,omitempty"`
}

// PasswordLink is a link by which a user chooses a password, once and within a day.
type PasswordLink struct {
	Name string `json:"name"`
	Link string `json:"link" doc:"It is shown once."`
}

// UserRef names a user.
type UserRef struct {
	Name string `path:"name" maxLength:"200"`
}

type (
	userResponse struct{ Body User }
	linkResponse struct{ Body PasswordLink }
)

func userOf(u store.UserRow) User {
	return User{
		Name: u.Name, Role: string(u.Role), State: string(u.Account().State()), Sessions: u.Sessions,
		CreatedAt: u.CreatedAt.UTC(), PasswordAt: optional(u.PasswordAt), SignedInAt: optional(u.SignedInAt),
	}
}

func (a *API) readUser(ctx context.Context, by deadletter.Actor, name string) (*userResponse, error) {
	u, err := a.Auth.User(ctx, by, name)
	return &userResponse{userOf(u)}, err
}

type userAddInput struct {
	Body struct {
		Name string `json:"name" maxLength:"200"`
		Role string `json:"role" enum:"viewer,operator,admin"`
	}
}

type userRoleInput struct {
	UserRef
	Body struct {
		Role string `json:"role" enum:"viewer,operator,admin"`
	}
}

type userDeleteInput struct {
	UserRef
	Body *struct {
		Confirm bool `json:"confirm,omitempty" doc:"It cannot be undone."`
	} `required:"false"`
}

func (a *API) userOperations(described huma.API) {
	const tag = "Users"
	huma.Register(described, operation("list-users", http.MethodGet, "/users", tag, "All users, by name"),
		handler(a, func(ctx context.Context, by deadletter.Actor, _ *struct{}) (*pageResponse[User], error) {
			list, err := a.Auth.Users(ctx, by)
			return respondWhole(list, err, userOf)
		}))
	huma.Register(described, operation("get-user", http.MethodGet, "/users/{name}", tag, "One user",
		http.StatusNotFound),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *UserRef) (*userResponse, error) {
			return a.readUser(ctx, by, in.Name)
		}))
	add := operation("add-user", http.MethodPost, "/users", tag,
		"Add a user, and get the link by which they choose a password", http.StatusConflict)
	add.DefaultStatus = http.StatusCreated
	huma.Register(described, add,
		handler(a, func(ctx context.Context, by deadletter.Actor, in *userAddInput) (*linkResponse, error) {
			secret, err := a.Auth.AddUserByLink(ctx, by, in.Body.Name, in.Body.Role)
			return a.passwordLink(ctx, in.Body.Name, secret, err)
		}))
	link := operation("link-user", http.MethodPost, "/users/{name}/link", tag,
		"Make a link by which they choose another password", http.StatusNotFound, http.StatusConflict)
	link.DefaultStatus = http.StatusCreated
	huma.Register(described, link,
		handler(a, func(ctx context.Context, by deadletter.Actor, in *UserRef) (*linkResponse, error) {
			secret, err := a.Auth.NewPasswordLink(ctx, by, in.Name)
			return a.passwordLink(ctx, in.Name, secret, err)
		}))
	huma.Register(described, operation("set-role", http.MethodPost, "/users/{name}/role", tag,
		"Give them another role", http.StatusNotFound, http.StatusConflict),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *userRoleInput) (*userResponse, error) {
			if err := a.Auth.SetRole(ctx, by, in.Name, in.Body.Role); err != nil {
				return nil, err
			}
			return a.readUser(ctx, by, in.Name)
		}))
	for _, order := range []struct {
		id, path, summary string
		carryOut          func(ctx context.Context, by deadletter.Actor, name string) error
	}{
		{
			"disable-user", "disable", "Keep them from signing in; their jobs pause and their rules are switched off",
			a.Auth.Disable,
		},
		{"enable-user", "enable", "Let them sign in again", a.Auth.Enable},
		{"sign-out-user", "signout", "Sign them out everywhere", a.signOut},
	} {
		huma.Register(described, operation(order.id, http.MethodPost, "/users/{name}/"+order.path, tag, order.summary,
			http.StatusNotFound, http.StatusConflict),
			handler(a, func(ctx context.Context, by deadletter.Actor, in *UserRef) (*userResponse, error) {
				if err := order.carryOut(ctx, by, in.Name); err != nil {
					return nil, err
				}
				return a.readUser(ctx, by, in.Name)
			}))
	}
	huma.Register(described, operation("delete-user", http.MethodPost, "/users/{name}/delete", tag, "Delete them",
		http.StatusNotFound, http.StatusConflict),
		handler(a, func(ctx context.Context, by deadletter.Actor, in *userDeleteInput) (*struct{}, error) {
			return nil, a.Auth.Delete(ctx, by, in.Name, in.Body != nil && in.Body.Confirm)
		}))
}

func (a *API) signOut(ctx context.Context, by deadletter.Actor, name string) error {
	_, err := a.Auth.EndSessions(ctx, by, name)
	return err
}

func (a *API) passwordLink(ctx context.Context, name, secret string, err error) (*linkResponse, error) {
	if err != nil {
		return nil, err
	}
	callerOf(ctx).showsOnce()
	link := a.URL() + "/password?" + url.Values{"token": {secret}}.Encode()
	return &linkResponse{PasswordLink{name, link}}, nil
}
