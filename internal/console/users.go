package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/store"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func (c *Console) userRoutes(r chi.Router) {
	r.Get("/users", c.handle(c.users))
	r.Get("/users/{user}", c.handle(c.user))
	r.Group(func(r chi.Router) {
		r.Use(c.form(maxForm))
		r.Post("/users", c.handle(c.addUser))
		r.Post("/users/{user}/link", c.handle(c.userLink))
		r.Post("/users/{user}/role", c.changeUser(func(r *http.Request, by deadletter.Actor, name string) error {
			return c.Auth.SetRole(r.Context(), by, name, r.PostForm.Get("role"))
		}, "The role of %s is changed."))
		r.Post("/users/{user}/disable", c.changeUser(func(r *http.Request, by deadletter.Actor, name string) error {
			return c.Auth.Disable(r.Context(), by, name)
		}, "%s is disabled and signed out."))
		r.Post("/users/{user}/enable", c.changeUser(func(r *http.Request, by deadletter.Actor, name string) error {
			return c.Auth.Enable(r.Context(), by, name)
		}, "%s can sign in again."))
		r.Post("/users/{user}/signout", c.changeUser(func(r *http.Request, by deadletter.Actor, name string) error {
			_, err := c.Auth.EndSessions(r.Context(), by, name)
			return err
		}, "%s is signed out everywhere."))
		r.Post("/users/{user}/delete", c.changeUser(func(r *http.Request, by deadletter.Actor, name string) error {
			return c.Auth.Delete(r.Context(), by, name, r.PostForm.Get("confirmed") == "yes")
		}, "%s is deleted."))
	})
}

func (c *Console) users(w http.ResponseWriter, r *http.Request) error {
	return c.showUsers(w, r, page.UsersView{Roles: roleOptions("")}, http.StatusOK)
}

func (c *Console) showUsers(w http.ResponseWriter, r *http.Request, v page.UsersView, status int) error {
	by := auth.Actor(r.Context())
	all, err := c.Auth.Users(r.Context(), by)
	if err != nil {
		return err
	}
	v.Chrome = c.chrome(r, "Users")
	for _, u := range all {
		v.Rows = append(v.Rows, userRow(u, by))
	}
	return c.render(w, r, status, page.Users(v))
}

func userRow(u store.UserRow, by deadletter.Actor) page.UserRow {
	return page.UserRow{
		URL:        userURL(u.Name),
		Name:       u.Name,
		Role:       string(u.Role),
		State:      string(u.Account().State()),
		SignedInAt: ui.At(u.SignedInAt),
		Sessions:   strconv.Itoa(u.Sessions),
		You:        by.Is(u.Name),
	}
}

func userURL(name string) string { return "/users/" + url.PathEscape(name) }

func roleOptions(selectedRole string) []ui.Option {
	var options []ui.Option
	for _, role := range deadletter.Roles() {
		options = append(options, ui.Option{Value: string(role), Label: string(role)})
	}
	return ui.Choose(options, selectedRole)
}

func (c *Console) addUser(w http.ResponseWriter, r *http.Request) error {
	name, role := strings.TrimSpace(r.PostForm.Get("name")), r.PostForm.Get("role")
	token, err := c.Auth.AddUserByLink(r.Context(), auth.Actor(r.Context()), name, role)
	switch kind := deadletter.KindOf(err); {
	case err == nil:
		return c.showLink(w, r, name, token, true)
	case kind == deadletter.Invalid || kind == deadletter.Conflict:
		v := page.UsersView{Name: name, NameError: errorText(err), Roles: roleOptions(role), AddOpen: true}
		return c.showUsers(w, r, v, statusOf(kind))
	}
	return err
}

func (c *Console) userLink(w http.ResponseWriter, r *http.Request) error {
	name := chi.URLParam(r, "user")
	token, err := c.Auth.NewPasswordLink(r.Context(), auth.Actor(r.Context()), name)
	if err != nil {
		return c.refuseUser(w, r, name, err)
	}
	return c.showLink(w, r, name, token, false)
}

// showLink shows a link in the response to the form itself: nothing stores it.
func (c *Console) showLink(w http.ResponseWriter, r *http.Request, name, token string, added bool) error {
	return c.render(w, r, http.StatusOK, page.UserLink(page.UserLinkView{
		Chrome: c.chrome(r, "Link for "+name),
		Name:   name,
		Link:   c.deskURL(r) + "/password?" + url.Values{"token": {token}}.Encode(),
		New:    added,
	}))
}

func (c *Console) user(w http.ResponseWriter, r *http.Request) error {
	return c.showUser(w, r, chi.URLParam(r, "user"), "", http.StatusOK)
}

func (c *Console) showUser(w http.ResponseWriter, r *http.Request, name, fault string, status int) error {
	by := auth.Actor(r.Context())
	u, err := c.Auth.User(r.Context(), by, name)
	if err != nil {
		return err
	}
	v := page.UserView{
		Chrome: c.chrome(r, u.Name), UserRow: userRow(u, by), CreatedAt: ui.At(u.CreatedAt),
		PasswordAt: ui.At(u.PasswordAt), Roles: roleOptions(string(u.Role)), Error: fault,
	}
	if v.You {
		v.Own = "You cannot change your own user here: ask another administrator."
	}
	return c.render(w, r, status, page.User(v))
}

// changeUser returns the handler of a form that changes a user. done says what happened, with the name.
func (c *Console) changeUser(
	change func(r *http.Request, by deadletter.Actor, name string) error, done string,
) http.HandlerFunc {
	return c.handle(func(w http.ResponseWriter, r *http.Request) error {
		name := chi.URLParam(r, "user")
		if err := change(r, auth.Actor(r.Context()), name); err != nil {
			return c.refuseUser(w, r, name, err)
		}
		to := userURL(name)
		if _, err := c.Auth.User(r.Context(), auth.Actor(r.Context()), name); err != nil {
			to = "/users" // it was deleted
		}
		c.redirect(w, r, to, ui.Notice{Kind: ui.Done, Text: strings.Replace(done, "%s", name, 1)})
		return nil
	})
}

// refuseUser shows why an order about a user was refused, on the page of the user.
func (c *Console) refuseUser(w http.ResponseWriter, r *http.Request, name string, err error) error {
	switch kind := deadletter.KindOf(err); {
	case kind == deadletter.Conflict, kind == deadletter.Invalid, kind == deadletter.NeedsConfirmation,
		kind == deadletter.Forbidden && auth.Actor(r.Context()).May(deadletter.ActUsers) == nil:
		return c.showUser(w, r, name, errorText(err), statusOf(kind))
	}
	return err
}
