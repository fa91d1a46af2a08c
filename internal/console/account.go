package console

import (
	"errors"
	"net/http"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

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
	}
	return string(act)
}

func (c *Console) passwordForm(w http.ResponseWriter, r *http.Request) {
	c.render(
		w,
		r,
		http.StatusOK,
		page.Password(page.PasswordView{Chrome: c.chrome(r, "Change password"), Rule: auth.PasswordRule()}),
	)
}

func (c *Console) password(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	actor, next := auth.Actor(ctx), r.PostForm.Get("password")
	v := page.PasswordView{Rule: auth.PasswordRule(), PasswordError: why(auth.CheckPassword(actor.Name, next))}
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
		v.CurrentError = why(err)
		c.showPassword(w, r, v, kind)
	case kind == deadletter.RateLimited:
		v.Wait = why(err)
		c.showPassword(w, r, v, kind)
	default:
		c.fail(w, r, err)
	}
}

func (c *Console) showPassword(w http.ResponseWriter, r *http.Request, v page.PasswordView, kind deadletter.Kind) {
	v.Chrome = c.chrome(r, "Change password")
	c.render(w, r, statusOf(kind), page.Password(v))
}
