package console

import (
	"net/http"
	"strings"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) {
	v := page.SignInView{Chrome: frame(r, "Sign in"), Next: auth.LocalPath(r.URL.Query().Get("next"))}
	switch _, err := c.Auth.Identify(r); deadletter.KindOf(err) {
	case deadletter.Unauthenticated:
	default:
		if err != nil {
			c.fail(w, r, err)
			return
		}
		http.Redirect(w, r, v.Next, http.StatusSeeOther)
		return
	}
	has, err := c.Auth.HasUsers(r.Context())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if !has {
		v.Flash = ui.Notice{
			Kind: ui.Info,
			Text: "Nobody can sign in yet.",
			Hint: "Open the set-up link that dlqdesk printed in its terminal when it started.",
		}
	}
	c.render(w, r, http.StatusOK, page.SignIn(v))
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) {
	name, next := r.PostForm.Get("name"), auth.LocalPath(r.PostForm.Get("next"))
	err := c.Auth.Throttle(w, r, name)
	if err == nil {
		err = c.Auth.SignIn(r.Context(), name, r.PostForm.Get("password"), auth.Addr(r))
	}
	v := page.SignInView{Chrome: frame(r, "Sign in"), Name: name, Next: next}
	switch kind := deadletter.KindOf(err); {
	case err == nil:
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	case kind == deadletter.Unauthenticated:
		v.Error = why(err)
	case kind == deadletter.RateLimited:
		v.Wait = why(err)
	default:
		c.fail(w, r, err)
		return
	}
	c.render(w, r, statusOf(deadletter.KindOf(err)), page.SignIn(v))
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	if err := c.Auth.SignOut(r.Context(), auth.Actor(r.Context())); err != nil {
		c.fail(w, r, err)
		return
	}
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
}

func (c *Console) setupForm(w http.ResponseWriter, r *http.Request) {
	v := page.SetupView{Chrome: frame(r, "Set up"), Token: r.URL.Query().Get("token"), Rule: auth.PasswordRule()}
	c.showSetup(w, r, v, c.Auth.SetupOpen(r.Context(), v.Token))
}

func (c *Console) setup(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	name, password := strings.TrimSpace(r.PostForm.Get("name")), r.PostForm.Get("password")
	v := page.SetupView{
		Chrome: frame(r, "Set up"), Token: r.PostForm.Get("token"), Name: name, Rule: auth.PasswordRule(),
		NameError: why(auth.CheckName(name)), PasswordError: why(auth.CheckPassword(name, password)),
	}
	if v.PasswordError == "" && password != r.PostForm.Get("confirm") {
		v.ConfirmError = "The two passwords differ."
	}
	if v.NameError+v.PasswordError+v.ConfirmError != "" {
		// An outsider who probes tokens learns the same from a good form and a bad one.
		if err := c.Auth.SetupOpen(ctx, v.Token); err != nil {
			c.showSetup(w, r, v, err)
			return
		}
		c.render(w, r, statusOf(deadletter.Invalid), page.Setup(v))
		return
	}
	if err := c.Auth.SetUp(ctx, v.Token, name, password, auth.Addr(r)); err != nil {
		c.showSetup(w, r, v, err)
		return
	}
	c.redirect(w, r, "/messages", ui.Notice{Kind: ui.Done, Text: "You are the first administrator of this desk."})
}

// showSetup shows the form, or why its link does not work.
func (c *Console) showSetup(w http.ResponseWriter, r *http.Request, v page.SetupView, err error) {
	kind := deadletter.KindOf(err)
	switch {
	case err == nil:
		c.render(w, r, http.StatusOK, page.Setup(v))
	case kind == deadletter.Forbidden || kind == deadletter.Conflict:
		v.Refused = why(err)
		c.render(w, r, statusOf(kind), page.Setup(v))
	default:
		c.fail(w, r, err)
	}
}
