package console

import (
	"net/http"
	"strconv"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/api"
	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const devicePath = api.DevicePage

func (c *Console) deviceRoutes(r chi.Router) {
	r.Get(devicePath, c.handle(c.device))
	r.With(c.form(maxForm)).Post(devicePath, c.handle(c.enterDevice))
	r.With(c.form(maxForm)).Post(devicePath+"/grant", c.handle(c.grantDevice))
	r.With(c.form(maxForm)).Post(devicePath+"/refuse", c.handle(c.refuseDevice))
}

// device asks for a code. It takes none from its address, so that a person types what their own terminal shows, and no
// link of a stranger leads past that.
func (c *Console) device(w http.ResponseWriter, r *http.Request) error {
	return c.render(w, r, http.StatusOK, page.Device(page.DeviceView{Chrome: c.chrome(r, "Sign in a terminal")}))
}

// enterDevice shows who waits with a code that a person entered.
func (c *Console) enterDevice(w http.ResponseWriter, r *http.Request) error {
	role := auth.Actor(r.Context()).Role
	if role == deadletter.Admin {
		role = deadletter.Operator // more only if they choose it
	}
	return c.showDevice(w, r, http.StatusOK, r.PostForm.Get("code"), role, tokenDays, nil)
}

// showDevice shows who waits with a code, with what is wrong with the choices of the person. A wrong code is shown with
// the form for another one.
func (c *Console) showDevice(
	w http.ResponseWriter, r *http.Request, status int, code string, role deadletter.Role, days int, fault error,
) error {
	by := auth.Actor(r.Context())
	v := page.DeviceView{Chrome: c.chrome(r, "Sign in a terminal"), Code: printable(code)}
	request, err := c.Auth.TokenRequest(r.Context(), w, by, code)
	switch kind := deadletter.KindOf(err); {
	case kind == deadletter.NotFound || kind == deadletter.Conflict || kind == deadletter.RateLimited:
		v.CodeError = errorText(err)
		return c.render(w, r, statusOf(kind), page.Device(v))
	case err != nil:
		return err
	}
	if fault != nil {
		v.Error = errorText(fault)
	}
	v.Code = request.Code
	v.Request = page.DeviceRequest{
		Name: printable(request.Name), Addr: request.Addr, CreatedAt: ui.At(request.CreatedAt),
		ExpiresAt: ui.At(request.ExpiresAt), Roles: tokenRoles(by, role), Days: tokenLives(days),
	}
	if here := auth.Addr(r); here != request.Addr {
		v.Request.OtherAddr = here
	}
	return c.render(w, r, status, page.Device(v))
}

func (c *Console) grantDevice(w http.ResponseWriter, r *http.Request) error {
	code, role := r.PostForm.Get("code"), deadletter.Role(r.PostForm.Get("role"))
	days, err := strconv.Atoi(r.PostForm.Get("days"))
	if err != nil {
		days = -1
	}
	request, err := c.Auth.GrantToken(r.Context(), w, auth.Actor(r.Context()), code, role, days)
	return c.decidedDevice(w, r, err, role, days, ui.Notice{
		Kind: ui.Done, Text: "“" + printable(request.Name) + "” is signed in.",
		Hint: "Go back to your terminal. You can revoke its token on the page API tokens of your account.",
	})
}

func (c *Console) refuseDevice(w http.ResponseWriter, r *http.Request) error {
	request, err := c.Auth.RefuseToken(r.Context(), w, auth.Actor(r.Context()), r.PostForm.Get("code"))
	return c.decidedDevice(w, r, err, "", 0, ui.Notice{
		Kind: ui.Done, Text: "“" + printable(request.Name) + "” is refused.", Hint: "It gets no token.",
	})
}

func (c *Console) decidedDevice(
	w http.ResponseWriter, r *http.Request, err error, role deadletter.Role, days int, done ui.Notice,
) error {
	code := r.PostForm.Get("code")
	switch kind := deadletter.KindOf(err); {
	case err == nil:
		c.redirect(w, r, devicePath, done)
	case kind == deadletter.Invalid:
		return c.showDevice(w, r, statusOf(kind), code, role, days, err)
	case kind == deadletter.NotFound || kind == deadletter.Conflict:
		return c.showDevice(w, r, statusOf(kind), code, role, days, nil)
	default:
		return err
	}
	return nil
}
