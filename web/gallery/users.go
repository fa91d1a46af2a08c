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
