package gallery

import (
	"fmt"

	"dlqdesk/web/page"
	"dlqdesk/web/ui"
)

func users() []Example {
	list := func(name string, change func(*page.UsersView)) Example {
		v := page.UsersView{Chrome: adminChrome("Users", "/users"), Roles: roles("")}
		change(&v)
		return Example{Name: name, Component: page.Users(v)}
	}
	one := func(name string, change func(*page.UserView)) Example {
		v := page.UserView{
			Chrome: adminChrome("olga", "/users/olga"), UserRow: someUsers()[1], CreatedAt: ago(60 * 24 * 90),
			PasswordAt: ago(60 * 24 * 40), Roles: roles("operator"),
		}
		change(&v)
		return Example{Name: name, Component: page.User(v)}
	}
	link := "https://desk.example.com/password?token=4QYV7J2M5N3KX6TZB1RC8DWGHF"
	return []Example{
		list("users", func(v *page.UsersView) { v.Rows = someUsers() }),
		list("users-one", func(v *page.UsersView) { v.Rows = someUsers()[:1] }),
		list("users-fifty", func(v *page.UsersView) { v.Rows = manyUsers() }),
		list("users-long", func(v *page.UsersView) {
			v.Rows = someUsers()
			v.Rows[1].Name, v.Rows[2].Name, v.Rows[3].Sessions = longWord, longWord, "1,000+"
		}),
		list("users-add-fault", func(v *page.UsersView) {
			v.Rows, v.AddOpen, v.Name, v.Roles = someUsers(), true, "a b", roles("operator")
			v.NameError = "A user name has 1 to 64 characters: a-z, A-Z, 0-9, dots, hyphens, underscores or @, " +
				"and is not \"system\"."
		}),
		one("user", func(*page.UserView) {}),
		one("user-disabled", func(v *page.UserView) { v.UserRow = someUsers()[3] }),
		one("user-invited", func(v *page.UserView) { v.UserRow, v.PasswordAt = someUsers()[2], ui.Moment{} }),
		one("user-own", func(v *page.UserView) {
			v.UserRow, v.Own = someUsers()[0], "You cannot change your own user here: ask another administrator."
		}),
		one("user-fault", func(v *page.UserView) {
			v.Error = "Olga is the last administrator who can sign in: make another user an administrator first."
		}),
		one("user-long", func(v *page.UserView) { v.Name, v.Title = longWord, longWord }),
		{Name: "user-link", Component: page.UserLink(page.UserLinkView{
			Chrome: adminChrome("Link for olga", "/users/olga/link"), Name: "olga", Link: link, New: true,
		})},
		{Name: "user-link-long", Component: page.UserLink(page.UserLinkView{
			Chrome: adminChrome("Link for "+longWord, "/users/x/link"), Name: longWord, Link: link + longWord,
		})},
	}
}

func tokens() []Example {
	state := func(name string, change func(*page.TokensView)) Example {
		v := page.TokensView{Chrome: chrome("API tokens", "/account/tokens"), Form: tokenForm()}
		change(&v)
		return Example{Name: name, Component: page.Tokens(v)}
	}
	secret := "dqd_yYd4D7wwvPis8BT8wwnfeiYRgHpVVne72FqI3b"
	return []Example{
		state("tokens", func(v *page.TokensView) {
			v.Chrome, v.Form.MayMachine, v.ShowMachine = adminChrome("API tokens", "/account/tokens"), true, true
			v.Own, v.Machines = someTokens(), someTokens()[1:2]
			v.Machines[0].By = "anna"
		}),
		state("tokens-none", func(*page.TokensView) {}),
		state("tokens-one", func(v *page.TokensView) { v.Own = someTokens()[:1] }),
		state("tokens-fifty", func(v *page.TokensView) {
			for range 10 {
				v.Own = append(v.Own, someTokens()...)
			}
		}),
		state("tokens-faults", func(v *page.TokensView) {
			v.AddOpen, v.Form.Name, v.Form.Sources = true, "ci", "nowhere"
			v.Form.NameError = "A token needs a name of at most 60 characters."
			v.Form.RoleError = "A token of a viewer may not be operator."
			v.Form.SourcesError = "There is no source \"nowhere\"."
			v.Form.DaysError = "A token can expire in 1 to 3650 days, or not at all."
		}),
		state("tokens-long", func(v *page.TokensView) {
			v.Own = someTokens()
			v.Own[0].Name, v.Own[0].Sources, v.Own[0].By = longWord, longWord+", "+longWord, longWord
		}),
		{Name: "token-secret", Component: page.TokenSecret(page.TokenSecretView{
			Chrome: chrome("New API token", "/account/tokens"), Name: "deploy", Secret: secret,
			Example: "curl -H 'Authorization: Bearer dqd_yYd4…' https://desk.example.com/api/v1/me",
		})},
		{Name: "token-secret-long", Component: page.TokenSecret(page.TokenSecretView{
			Chrome: chrome("New API token", "/account/tokens"), Name: longWord, Secret: secret,
			Example: "curl -H 'Authorization: Bearer dqd_yYd4…' https://" + longWord + "/api/v1/me",
		})},
	}
}

func tokenForm() page.TokenForm {
	return page.TokenForm{
		Roles: roles("viewer")[:2],
		Days:  []ui.Option{{Value: "90", Label: "In 90 days", Selected: true}, {Value: "0", Label: "Never"}},
	}
}

func someTokens() []page.TokenRow {
	revoke := "/account/tokens/1/revoke"
	return []page.TokenRow{
		{
			Name: "deploy", Hint: "dqd_yYd4", Role: "operator", Sources: "genesys, cxone", CreatedAt: ago(60 * 24 * 20),
			ExpiresAt: ago(-60 * 24 * 70), UsedAt: ago(4), RevokeURL: revoke,
		},
		{
			Name: "claude", Hint: "dqd_Cl4u", Role: "operator", CreatedAt: ago(60 * 24 * 2), Assistant: true,
			RevokeURL: revoke,
		},
		{Name: "grafana", Hint: "dqd_7Kq2", Role: "viewer", CreatedAt: ago(60 * 24 * 3), RevokeURL: revoke},
		{
			Name:      "laptop",
			Hint:      "dqd_pp01",
			Role:      "operator",
			CreatedAt: ago(60 * 24 * 100),
			ExpiresAt: ago(60 * 24 * 10),
			Expired:   true,
			UsedAt:    ago(60 * 24 * 11),
			RevokeURL: revoke,
		},
		{
			Name:      "nightly report",
			Hint:      "dqd_zA9x",
			Role:      "viewer",
			CreatedAt: ago(50),
			UsedAt:    ago(1),
			RevokeURL: revoke,
		},
		{
			Name:      "tests",
			Hint:      "dqd_Q0dd",
			Role:      "admin",
			CreatedAt: ago(12),
			ExpiresAt: ago(-60 * 24 * 7),
			RevokeURL: revoke,
		},
	}
}

func adminChrome(title, path string) page.Chrome {
	c := chrome(title, path)
	c.Role, c.ManageUsers = "admin", true
	return c
}

func roles(selected string) []ui.Option {
	list := []ui.Option{
		{Value: "viewer", Label: "viewer"},
		{Value: "operator", Label: "operator"},
		{Value: "admin", Label: "admin"},
	}
	for i := range list {
		list[i].Selected = list[i].Value == selected
	}
	return list
}

func someUsers() []page.UserRow {
	return []page.UserRow{
		{
			URL: "/users/anna", Name: "anna", Role: "admin", State: "active", SignedInAt: ago(42), Sessions: "2",
			You: true,
		},
		{URL: "/users/olga", Name: "olga", Role: "operator", State: "active", SignedInAt: ago(60 * 26), Sessions: "1"},
		{URL: "/users/ines", Name: "ines.becker@example.com", Role: "operator", State: "invited", Sessions: "0"},
		{
			URL:        "/users/dora",
			Name:       "dora",
			Role:       "viewer",
			State:      "disabled",
			SignedInAt: ago(60 * 24 * 30),
			Sessions:   "0",
		},
		{URL: "/users/vera", Name: "vera", Role: "viewer", State: "active", SignedInAt: ago(3), Sessions: "1"},
	}
}

func manyUsers() []page.UserRow {
	list := someUsers()[:1]
	for i := range 49 {
		name := fmt.Sprintf("user%02d", i+1)
		list = append(list, page.UserRow{
			URL: "/users/" + name, Name: name, Role: []string{"viewer", "operator", "admin"}[i%3],
			State: []string{"active", "active", "active", "invited", "disabled"}[i%5], SignedInAt: ago(float64(i * 90)),
			Sessions: fmt.Sprint(i % 4),
		})
	}
	return list
}
