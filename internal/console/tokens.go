package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5"

	"dlqdesk/internal/auth"
	"dlqdesk/internal/deadletter"
	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

const tokensPath = "/account/tokens"

func (c *Console) tokenRoutes(r chi.Router) {
	r.Get(tokensPath, c.handle(c.tokens))
	r.With(c.form(maxForm)).Post(tokensPath, c.handle(c.addToken))
	r.With(c.form(maxForm)).Post(tokensPath+"/{token}/revoke", c.handle(c.revokeToken))
}

func (c *Console) tokens(w http.ResponseWriter, r *http.Request) error {
	return c.showTokens(w, r, http.StatusOK, deadletter.TokenInput{Role: deadletter.Viewer, Days: tokenDays}, nil)
}

// tokenDays is how long a token is in force, unless its maker chooses another time.
const tokenDays = 90

// showTokens shows the tokens with the form of a new one, and what is wrong with it.
func (c *Console) showTokens(
	w http.ResponseWriter, r *http.Request, status int, in deadletter.TokenInput, fault error,
) error {
	by := auth.Actor(r.Context())
	own, err := c.Auth.OwnTokens(r.Context(), by)
	if err != nil {
		return err
	}
	v := page.TokensView{
		Chrome: c.chrome(r, "API tokens"), AddOpen: fault != nil, Own: c.tokenRows(own),
		Form: page.TokenForm{
			Name: in.Name, Sources: strings.Join(in.Sources, ", "), Machine: in.Machine, Assistant: in.Assistant,
			MayMachine: by.May(deadletter.ActUsers) == nil,
		},
	}
	v.Form.Roles, v.Form.Days = tokenRoles(by, in.Role), tokenLives(in.Days)
	for field, text := range map[string]*string{
		deadletter.FieldTokenName: &v.Form.NameError, deadletter.FieldTokenRole: &v.Form.RoleError,
		deadletter.FieldTokenSources: &v.Form.SourcesError, deadletter.FieldTokenDays: &v.Form.DaysError,
	} {
		if fault != nil && deadletter.FieldOf(fault) == field {
			*text = errorText(fault)
		}
	}
	if v.ShowMachine = v.Form.MayMachine; v.ShowMachine {
		machines, err := c.Auth.MachineTokens(r.Context(), by)
		if err != nil {
			return err
		}
		v.Machines = c.tokenRows(machines)
		for i, t := range machines {
			v.Machines[i].By = t.By
		}
	}
	return c.render(w, r, status, page.Tokens(v))
}

// tokenRoles are the roles that a token of a person can have.
func tokenRoles(by deadletter.Actor, selected deadletter.Role) (list []ui.Option) {
	for _, role := range deadletter.Roles() {
		list = append(list, ui.Option{Value: string(role), Label: string(role), Selected: role == selected})
		if role == by.Role {
			break
		}
	}
	return list
}

// tokenLives are the times after which a token can expire.
func tokenLives(selected int) (list []ui.Option) {
	for _, days := range []int{7, 30, 90, 365, 0} {
		label := "In " + plural(days, "day")
		if days == 0 {
			label = "Never"
		}
		list = append(list, ui.Option{Value: strconv.Itoa(days), Label: label, Selected: days == selected})
	}
	return list
}

func (c *Console) tokenRows(list []deadletter.Token) []page.TokenRow {
	rows := make([]page.TokenRow, len(list))
	for i, t := range list {
		rows[i] = page.TokenRow{
			Name: printable(t.Name), Hint: t.Hint, Role: string(t.Role), Sources: strings.Join(t.Sources, ", "),
			CreatedAt: ui.At(t.CreatedAt), ExpiresAt: ui.At(t.ExpiresAt), UsedAt: ui.At(t.UsedAt),
			Expired: !t.InForce(c.Now()), Assistant: t.Assistant,
			RevokeURL: tokensPath + "/" + t.ID.String() + "/revoke",
		}
	}
	return rows
}

func (c *Console) addToken(w http.ResponseWriter, r *http.Request) error {
	days, err := strconv.Atoi(r.PostForm.Get("days"))
	if err != nil {
		days = -1
	}
	in := deadletter.TokenInput{
		Name: r.PostForm.Get("name"), Machine: r.PostForm.Get("machine") == "yes",
		Assistant: r.PostForm.Get("assistant") == "yes",
		Role:      deadletter.Role(r.PostForm.Get("role")), Days: days,
	}
	for _, name := range strings.Split(r.PostForm.Get("sources"), ",") {
		if name = strings.TrimSpace(name); name != "" {
			in.Sources = append(in.Sources, name)
		}
	}
	known := func(source string) bool {
		return slices.ContainsFunc(c.Settings().Sources, func(s Source) bool { return s.Name == source })
	}
	token, secret, err := c.Auth.AddToken(r.Context(), auth.Actor(r.Context()), in, known)
	if kind := deadletter.KindOf(err); kind == deadletter.Invalid && deadletter.FieldOf(err) != "" {
		return c.showTokens(w, r, statusOf(kind), in, err)
	}
	if err != nil {
		return err
	}
	return c.render(w, r, http.StatusOK, page.TokenSecret(page.TokenSecretView{
		Chrome: c.chrome(r, "New API token"), Name: printable(token.Name), Secret: secret,
		Example: c.tokenExample(r, token, secret[:8]),
	}))
}

// tokenExample shows how a token is used, of whose secret it has the beginning.
func (c *Console) tokenExample(r *http.Request, t deadletter.Token, hint string) string {
	header := "'Authorization: Bearer " + hint + "…'"
	if t.Assistant {
		return "claude mcp add --transport http dlqdesk " + c.deskURL(r) + "/mcp --header " + header
	}
	return "curl -H " + header + " " + c.deskURL(r) + "/api/v1/me"
}

func (c *Console) revokeToken(w http.ResponseWriter, r *http.Request) error {
	id, err := strconv.ParseInt(chi.URLParam(r, "token"), 10, 64)
	if err != nil {
		return deadletter.Errorf(deadletter.NotFound, "there is no token %q", printable(chi.URLParam(r, "token")))
	}
	ended, err := c.Auth.RevokeToken(r.Context(), auth.Actor(r.Context()), deadletter.TokenID(id))
	if err != nil {
		return err
	}
	done := ui.Notice{Kind: ui.Done, Text: "The token is revoked."}
	if ended > 1 {
		done.Hint = "So is what was made with it: " + plural(ended, "token") + " in all."
	}
	c.redirect(w, r, tokensPath, done)
	return nil
}
