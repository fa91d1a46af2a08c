package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
)

const passwordRule = "10 characters or more; four random words will do"

func byAddress(r *http.Request) (string, error) { return auth.Addr(r), nil }

func byFormName(r *http.Request) (string, error) {
	return strings.ToLower(r.PostFormValue("name")), nil
}

// tooManySignIns answers a password that was tried too often. The limiter has set Retry-After.
func (c *Console) tooManySignIns(w http.ResponseWriter, r *http.Request) {
	wait := "Too many tries: wait a minute, then try again."
	if seconds, err := strconv.Atoi(w.Header().Get("Retry-After")); err == nil {
		wait = "Too many tries: wait " + strconv.Itoa(seconds) + " s, then try again."
	}
	v := page.SignInView{Chrome: c.plainChrome(r, "Sign in"), Name: r.PostFormValue("name"), Next: auth.LocalPath(r.PostFormValue("next")), Wait: wait}
	c.render(w, r, http.StatusTooManyRequests, page.SignIn(v))
}

func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) {
	v := page.SignInView{Chrome: c.plainChrome(r, "Sign in"), Next: auth.LocalPath(r.URL.Query().Get("next"))}
	c.render(w, r, http.StatusOK, page.SignIn(v))
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	name, next := r.PostFormValue("name"), auth.LocalPath(r.PostFormValue("next"))
	err := c.Auth.SignIn(r.Context(), name, r.PostFormValue("password"), auth.Addr(r))
	if deadletter.KindOf(err) == deadletter.Unauthenticated {
		v := page.SignInView{Chrome: c.plainChrome(r, "Sign in"), Name: name, Next: next, Error: sentence(deadletter.TextOf(err))}
		c.render(w, r, http.StatusUnauthorized, page.SignIn(v))
		return
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	if err := c.Auth.SignOut(r.Context(), auth.Actor(r.Context())); err != nil {
		c.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

func (c *Console) setupForm(w http.ResponseWriter, r *http.Request) {
	token := r.URL.Query().Get("token")
	open, err := c.Auth.SetupOpen(r.Context(), token)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	v := page.SetupView{Chrome: c.plainChrome(r, "Set up"), Token: token, Rule: passwordRule}
	status := http.StatusOK
	if !open {
		status, v.Refused = http.StatusForbidden, "This set-up link was used or replaced. Sign in; or, while there is no user yet, restart dlqdesk and use the new link it prints."
	}
	c.render(w, r, status, page.Setup(v))
}

func (c *Console) setup(w http.ResponseWriter, r *http.Request) {
	name, password := strings.TrimSpace(r.PostFormValue("name")), r.PostFormValue("password")
	v := page.SetupView{Chrome: c.plainChrome(r, "Set up"), Token: r.PostFormValue("token"), Name: name, Rule: passwordRule}
	if password != r.PostFormValue("confirm") {
		v.ConfirmError = "The two passwords differ."
		c.render(w, r, http.StatusUnprocessableEntity, page.Setup(v))
		return
	}
	err := c.Auth.SetUp(r.Context(), v.Token, name, password, auth.Addr(r))
	switch kind := deadletter.KindOf(err); {
	case err == nil:
	case kind == deadletter.Forbidden || kind == deadletter.Conflict:
		v.Refused = sentence(deadletter.TextOf(err))
		c.render(w, r, statusOf(kind), page.Setup(v))
		return
	case kind == deadletter.Invalid:
		if text := sentence(deadletter.TextOf(err)); strings.Contains(text, "password") {
			v.PasswordError = text
		} else {
			v.NameError = text
		}
		c.render(w, r, statusOf(kind), page.Setup(v))
		return
	default:
		c.fail(w, r, err)
		return
	}
	if err := c.Auth.SignIn(r.Context(), name, password, auth.Addr(r)); err != nil {
		c.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/letters", http.StatusSeeOther)
}

func (c *Console) account(w http.ResponseWriter, r *http.Request) {
	v := page.AccountView{Chrome: c.chrome(r, "Account")}
	role := auth.Actor(r.Context()).Role
	for _, act := range deadletter.Actions() {
		if role.Allows(act) {
			v.May = append(v.May, string(act))
		} else {
			v.MayNot = append(v.MayNot, string(act))
		}
	}
	c.render(w, r, http.StatusOK, page.Account(v))
}

func (c *Console) passwordForm(w http.ResponseWriter, r *http.Request) {
	c.render(w, r, http.StatusOK, page.Password(page.PasswordView{Chrome: c.chrome(r, "Change password"), Rule: passwordRule}))
}

func (c *Console) password(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	v := page.PasswordView{Chrome: c.chrome(r, "Change password"), Rule: passwordRule}
	next := r.PostFormValue("password")
	if next != r.PostFormValue("confirm") {
		v.ConfirmError = "The two passwords differ."
		c.render(w, r, http.StatusUnprocessableEntity, page.Password(v))
		return
	}
	err := c.Auth.ChangePassword(ctx, auth.Actor(ctx), r.PostFormValue("current"), next)
	if deadletter.KindOf(err) == deadletter.Invalid {
		if text := sentence(deadletter.TextOf(err)); strings.Contains(text, "present") {
			v.CurrentError = text
		} else {
			v.PasswordError = text
		}
		c.render(w, r, http.StatusUnprocessableEntity, page.Password(v))
		return
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.Auth.Flash(ctx, "Your password is changed. Every other session of yours has ended.")
	http.Redirect(w, r, "/account", http.StatusSeeOther)
}

// listPath is the list of letters that a query names.
func listPath(query string) string {
	if query == "" {
		return "/letters"
	}
	return (&url.URL{Path: "/letters", RawQuery: query}).String()
}
