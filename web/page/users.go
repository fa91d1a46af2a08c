package page

import (
	"dlqdesk/web/ui"

	"github.com/a-h/templ"
)

// UsersView lists the users for administrators.
type UsersView struct {
	Chrome
	Rows []UserRow

	// The form that adds a user, as it was sent.
	Name      string
	NameError string
	Roles     []ui.Option
	AddOpen   bool // the form is shown unfolded
}

// UserRow is a user.
type UserRow struct {
	URL        string
	Name       string
	Role       string
	State      string // active, invited or disabled
	SignedInAt ui.Moment
	Sessions   string
	You        bool // it is the user who sees the page
}

// UserView is one user, with what an administrator can do.
type UserView struct {
	Chrome
	UserRow
	CreatedAt  ui.Moment
	PasswordAt ui.Moment
	Roles      []ui.Option
	Own        string // why an administrator cannot change this user; empty: they can
	Error      string // why the last order was refused
}

// UserLinkView shows the one-time link of a user.
type UserLinkView struct {
	Chrome
	Name string
	Link string
	New  bool // the user was added just now
}

// userStates has the tone, icon and word of each state of a user.
var userStates = map[string]struct{ tone, icon, word string }{
	"active":   {"done", "check", "Active"},
	"invited":  {"warn", "clock", "No password yet"},
	"disabled": {"archived", "ban", "Disabled"},
}

// tag is the state by colour, icon and word.
func (r UserRow) tag() templ.Component {
	of := userStates[r.State]
	return ui.Tag(of.tone, of.icon, of.word, nil)
}
