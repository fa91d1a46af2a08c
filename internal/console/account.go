package console

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/internal/desk"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func (c *Console) signInForm(w http.ResponseWriter, r *http.Request) error {
	v := page.SignInView{Chrome: frame(r, "Sign in"), Next: auth.LocalPath(r.URL.Query().Get("next"))}
	switch _, err := c.Auth.Identify(r); {
	case err == nil:
		http.Redirect(w, r, v.Next, http.StatusSeeOther)
		return nil
	case deadletter.KindOf(err) != deadletter.Unauthenticated:
		return err
	}
	has, err := c.Auth.HasUsers(r.Context())
	if err != nil {
		return err
	}
	if !has {
		v.Flash = ui.Notice{
			Kind: ui.Info,
			Text: "Nobody can sign in yet.",
			Hint: "On the server's machine, dlqdesk user setup-link prints the link that makes the first one.",
		}
	}
	return c.render(w, r, http.StatusOK, page.SignIn(v))
}

func (c *Console) signIn(w http.ResponseWriter, r *http.Request) error {
	name, next := r.PostForm.Get("name"), auth.LocalPath(r.PostForm.Get("next"))
	err := c.Auth.SignIn(w, r, name, r.PostForm.Get("password"))
	v := page.SignInView{Chrome: frame(r, "Sign in"), Name: name, Next: next}
	switch kind := deadletter.KindOf(err); {
	case err == nil:
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	case kind == deadletter.Unauthenticated, kind == deadletter.Forbidden:
		c.refused(r, desk.RefusedSignIn, name, deadletter.TextOf(err))
		v.Error = errorText(err)
	case kind == deadletter.RateLimited:
		c.refused(r, desk.RefusedTooMany, name, "")
		v.Wait = errorText(err)
	default:
		return err
	}
	return c.render(w, r, statusOf(deadletter.KindOf(err)), page.SignIn(v))
}

func (c *Console) signOut(w http.ResponseWriter, r *http.Request) error {
	if err := c.Auth.SignOut(r.Context(), auth.Actor(r.Context())); err != nil {
		return err
	}
	http.Redirect(w, r, "/signin", http.StatusSeeOther)
	return nil
}

func (c *Console) setupForm(w http.ResponseWriter, r *http.Request) error {
	v := page.SetupView{Chrome: frame(r, "Set up"), Token: r.URL.Query().Get("token"), Rule: auth.PasswordRule()}
	return c.showSetup(w, r, v, c.Auth.SetupOpen(r.Context(), v.Token))
}

func (c *Console) setup(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	name, password := strings.TrimSpace(r.PostForm.Get("name")), r.PostForm.Get("password")
	v := page.SetupView{
		Chrome: frame(r, "Set up"), Token: r.PostForm.Get("token"), Name: name, Rule: auth.PasswordRule(),
		NameError: errorText(auth.CheckName(name)),
	}
	v.PasswordError, v.ConfirmError = c.passwordFaults(r, name)
	if v.NameError+v.PasswordError+v.ConfirmError != "" {
		// A stranger who guesses tokens gets the same response for a good form and a bad one.
		if err := c.Auth.SetupOpen(ctx, v.Token); err != nil {
			return c.showSetup(w, r, v, err)
		}
		return c.render(w, r, statusOf(deadletter.Invalid), page.Setup(v))
	}
	if err := c.Auth.SetUp(w, r, v.Token, name, password); err != nil {
		return c.showSetup(w, r, v, err)
	}
	c.redirect(w, r, causesPath, ui.Notice{Kind: ui.Done, Text: "You are the first administrator of this desk."})
	return nil
}

// passwordFaults returns what is wrong with the new password of a form, and with its repetition.
func (c *Console) passwordFaults(r *http.Request, name string) (password, confirm string) {
	chosen := r.PostForm.Get("password")
	password = errorText(c.Auth.CheckPassword(name, chosen))
	if password == "" && chosen != r.PostForm.Get("confirm") {
		confirm = "The two passwords differ."
	}
	return password, confirm
}

// showSetup shows the set-up form, or the reason why its link does not work.
func (c *Console) showSetup(w http.ResponseWriter, r *http.Request, v page.SetupView, err error) error {
	kind := deadletter.KindOf(err)
	switch {
	case err == nil:
		return c.render(w, r, http.StatusOK, page.Setup(v))
	case kind == deadletter.Forbidden || kind == deadletter.Conflict:
		if v.Token != "" {
			c.refused(r, desk.RefusedLink, v.Name, "")
		}
		v.LinkError = errorText(err)
		return c.render(w, r, statusOf(kind), page.Setup(v))
	}
	return err
}

func (c *Console) account(w http.ResponseWriter, r *http.Request) error {
	u, err := c.Auth.Account(r.Context())
	if err != nil {
		return err
	}
	sessions, more, err := c.Auth.OwnSessions(r.Context())
	if err != nil {
		return err
	}
	v := page.AccountView{Chrome: c.chrome(r, "Account"), PasswordAt: ui.At(u.PasswordAt)}
	if more {
		v.More = "Only the " + strconv.Itoa(len(sessions)) + " that were used last are listed."
	}
	for _, s := range sessions {
		v.Others = v.Others || !s.Current
		v.Sessions = append(v.Sessions, page.SessionView{
			ID: s.ID, Browser: browserName(s.Agent), Addr: s.Addr, OpenedAt: ui.At(s.OpenedAt),
			SeenAt: ui.At(s.SeenAt), Current: s.Current,
		})
	}
	actor := auth.Actor(r.Context())
	for _, act := range deadletter.Actions() {
		words := cmp.Or(actionWords[act], string(act))
		if actor.May(act) == nil {
			v.May = append(v.May, words)
		} else {
			v.MayNot = append(v.MayNot, words)
		}
	}
	return c.render(w, r, http.StatusOK, page.Account(v))
}

// browserName returns the browser and the system that a User-Agent names. It need not be right: it helps users to
// recognise their own browsers.
func browserName(agent string) string {
	first := func(names ...string) string {
		for i := 0; i < len(names); i += 2 {
			if strings.Contains(agent, names[i]) {
				return names[i+1]
			}
		}
		return ""
	}
	browser := first(
		"Edg", "Edge", "OPR/", "Opera", "SamsungBrowser/", "Samsung Internet", "Firefox/", "Firefox",
		"FxiOS/", "Firefox", "CriOS/", "Chrome", "Chrome/", "Chrome", "Safari/", "Safari", "curl/", "curl",
	)
	system := first(
		"Android", "Android", "iPhone", "iPhone", "iPad", "iPad", "Windows", "Windows", "CrOS", "ChromeOS",
		"Mac OS X", "macOS", "Linux", "Linux",
	)
	switch {
	case browser == "" && agent == "":
		return "Unknown browser"
	case browser == "":
		browser, _, _ = strings.Cut(agent, " ")
		return browser
	case system == "":
		return browser
	}
	return browser + " on " + system
}

func (c *Console) endSession(w http.ResponseWriter, r *http.Request) error {
	if err := c.Auth.EndOwnSession(r.Context(), chi.URLParam(r, "session")); err != nil {
		return err
	}
	c.redirect(w, r, "/account", ui.Notice{Kind: ui.Done, Text: "That browser is signed out."})
	return nil
}

func (c *Console) endOtherSessions(w http.ResponseWriter, r *http.Request) error {
	n, err := c.Auth.EndOtherSessions(r.Context())
	if err != nil {
		return err
	}
	c.redirect(w, r, "/account", ui.Notice{
		Kind: ui.Done, Text: "You are signed out everywhere else.", Hint: plural(int(n), "session") + " ended.",
	})
	return nil
}

func (c *Console) passwordLinkForm(w http.ResponseWriter, r *http.Request) error {
	v := page.PasswordLinkView{Token: r.URL.Query().Get("token")}
	var err error
	v.Name, err = c.Auth.UserOfLink(r.Context(), v.Token)
	return c.showPasswordLink(w, r, v, err)
}

func (c *Console) passwordLink(w http.ResponseWriter, r *http.Request) error {
	v := page.PasswordLinkView{Token: r.PostForm.Get("token")}
	var err error
	if v.Name, err = c.Auth.UserOfLink(r.Context(), v.Token); err != nil {
		return c.showPasswordLink(w, r, v, err)
	}
	v.PasswordError, v.ConfirmError = c.passwordFaults(r, v.Name)
	if v.PasswordError+v.ConfirmError == "" {
		err = c.Auth.UsePasswordLink(w, r, v.Token, r.PostForm.Get("password"))
		if err == nil {
			c.redirect(w, r, causesPath, ui.Notice{Kind: ui.Done, Text: "Your password is set."})
			return nil
		}
	}
	return c.showPasswordLink(w, r, v, err)
}

// showPasswordLink shows the form of a link, or the reason why the link does not work.
func (c *Console) showPasswordLink(w http.ResponseWriter, r *http.Request, v page.PasswordLinkView, err error) error {
	v.Chrome, v.Rule = frame(r, "Choose a password"), auth.PasswordRule()
	status := http.StatusOK
	switch kind := deadletter.KindOf(err); {
	case err == nil && v.PasswordError+v.ConfirmError != "":
		status = statusOf(deadletter.Invalid)
	case err == nil:
	case kind == deadletter.NotFound || kind == deadletter.Forbidden || kind == deadletter.Conflict:
		if v.Token != "" {
			c.refused(r, desk.RefusedLink, v.Name, "")
		}
		v.LinkError, status = errorText(err), statusOf(kind)
	default:
		return err
	}
	return c.render(w, r, status, page.PasswordLink(v))
}

// actionWords are the actions whose names do not say it all.
var actionWords = map[deadletter.Action]string{
	deadletter.ActView:        "see messages and the audit trail",
	deadletter.ActReplay:      "replay messages",
	deadletter.ActEdit:        "edit and replay messages",
	deadletter.ActArchive:     "archive messages",
	deadletter.ActRestore:     "restore archived messages",
	deadletter.ActSeparate:    "make arrivals messages of their own",
	deadletter.ActRedrive:     "redrive messages",
	deadletter.ActEditRedrive: "edit and redrive messages",
}

func (c *Console) passwordForm(w http.ResponseWriter, r *http.Request) error {
	v := page.PasswordView{Chrome: c.chrome(r, "Change password"), Rule: auth.PasswordRule()}
	return c.render(w, r, http.StatusOK, page.Password(v))
}

func (c *Console) password(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	actor, next := auth.Actor(ctx), r.PostForm.Get("password")
	v := page.PasswordView{Rule: auth.PasswordRule()}
	v.PasswordError, v.ConfirmError = c.passwordFaults(r, actor.Name)
	if v.PasswordError+v.ConfirmError != "" {
		return c.showPassword(w, r, v, deadletter.Invalid)
	}
	err := c.Auth.ChangePassword(w, r, r.PostForm.Get("current"), next)
	switch kind := deadletter.KindOf(err); {
	case err == nil:
		c.redirect(w, r, "/account", ui.Notice{
			Kind: ui.Done, Text: "Your password is changed.", Hint: "Every other session of yours has ended.",
		})
		return nil
	case errors.Is(err, auth.ErrWrongPassword):
		c.refused(r, desk.RefusedPassword, "", "")
		v.CurrentError = errorText(err)
		return c.showPassword(w, r, v, kind)
	case kind == deadletter.RateLimited:
		c.refused(r, desk.RefusedTooMany, "", "")
		v.Wait = errorText(err)
		return c.showPassword(w, r, v, kind)
	}
	return err
}

func (c *Console) showPassword(
	w http.ResponseWriter, r *http.Request, v page.PasswordView, kind deadletter.Kind,
) error {
	v.Chrome = c.chrome(r, "Change password")
	return c.render(w, r, statusOf(kind), page.Password(v))
}
