package page

import "dlqdesk/web/ui"

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

// StateWord is the state of a user in words.
func (r UserRow) StateWord() string {
	switch r.State {
	case "invited":
		return "No password yet"
	case "disabled":
		return "Disabled"
	}
	return "Active"
}

func (r UserRow) stateIcon() string {
	switch r.State {
	case "invited":
		return "clock"
	case "disabled":
		return "ban"
	}
	return "check"
}

func (r UserRow) stateTone() string {
	switch r.State {
	case "invited":
		return "warn"
	case "disabled":
		return "archived"
	}
	return "done"
}
