package console

import (
	"errors"
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
		v.Error = errorText(err)
	case kind == deadletter.RateLimited:
		v.Wait = errorText(err)
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
		NameError: errorText(auth.CheckName(name)), PasswordError: errorText(auth.CheckPassword(name, password)),
	}
	if v.PasswordError == "" && password != r.PostForm.Get("confirm") {
		v.ConfirmError = "The two passwords differ."
	}
	if v.NameError+v.PasswordError+v.ConfirmError != "" {
		// A stranger who guesses tokens gets the same response for a good form and a bad one.
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

// showSetup shows the set-up form, or the reason why its link does not work.
func (c *Console) showSetup(w http.ResponseWriter, r *http.Request, v page.SetupView, err error) {
	kind := deadletter.KindOf(err)
	switch {
	case err == nil:
		c.render(w, r, http.StatusOK, page.Setup(v))
	case kind == deadletter.Forbidden || kind == deadletter.Conflict:
		v.LinkError = errorText(err)
		c.render(w, r, statusOf(kind), page.Setup(v))
	default:
		c.fail(w, r, err)
	}
}

func (c *Console) account(w http.ResponseWriter, r *http.Request) {
	v := page.AccountView{Chrome: c.chrome(r, "Account"), SignedInAt: ui.At(c.Auth.SignedInAt(r.Context()))}
	actor := auth.Actor(r.Context())
	for _, act := range deadletter.Actions() {
		if actor.May(act) == nil {
			v.May = append(v.May, actionWords(act))
		} else {
			v.MayNot = append(v.MayNot, actionWords(act))
		}
	}
	c.render(w, r, http.StatusOK, page.Account(v))
}

func actionWords(act deadletter.Action) string {
	switch act {
	case deadletter.ActView:
		return "see messages and the audit trail"
	case deadletter.ActReplay:
		return "replay messages"
	case deadletter.ActEdit:
		return "edit and replay messages"
	case deadletter.ActArchive:
		return "archive messages"
	case deadletter.ActRestore:
		return "restore archived messages"
	case deadletter.ActSeparate:
		return "make arrivals messages of their own"
	}
	return string(act)
}

func (c *Console) passwordForm(w http.ResponseWriter, r *http.Request) {
	c.render(
		w, r, http.StatusOK,
		page.Password(page.PasswordView{Chrome: c.chrome(r, "Change password"), Rule: auth.PasswordRule()}),
	)
}

func (c *Console) password(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	actor, next := auth.Actor(ctx), r.PostForm.Get("password")
	v := page.PasswordView{Rule: auth.PasswordRule(), PasswordError: errorText(auth.CheckPassword(actor.Name, next))}
	if v.PasswordError == "" && next != r.PostForm.Get("confirm") {
		v.ConfirmError = "The two passwords differ."
	}
	if v.PasswordError+v.ConfirmError != "" {
		c.showPassword(w, r, v, deadletter.Invalid)
		return
	}
	err := c.Auth.Throttle(w, r, actor.Name)
	if err == nil {
		err = c.Auth.ChangePassword(ctx, actor, r.PostForm.Get("current"), next)
	}
	switch kind := deadletter.KindOf(err); {
	case err == nil:
		c.redirect(
			w,
			r,
			"/account",
			ui.Notice{
				Kind: ui.Done,
				Text: "Your password is changed.",
				Hint: "Every other session of yours has ended.",
			},
		)
	case errors.Is(err, auth.ErrWrongPassword):
		v.CurrentError = errorText(err)
		c.showPassword(w, r, v, kind)
	case kind == deadletter.RateLimited:
		v.Wait = errorText(err)
		c.showPassword(w, r, v, kind)
	default:
		c.fail(w, r, err)
	}
}

func (c *Console) showPassword(w http.ResponseWriter, r *http.Request, v page.PasswordView, kind deadletter.Kind) {
	v.Chrome = c.chrome(r, "Change password")
	c.render(w, r, statusOf(kind), page.Password(v))
}
