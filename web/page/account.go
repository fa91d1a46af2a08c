package page

import "dlqdesk/web/ui"

// SignInView is the sign-in form.
type SignInView struct {
	Chrome
	Name  string // kept after a failed try
	Next  string // path to go to afterwards
	Error string // "name or password is wrong"
	Wait  string // "too many tries: wait 40 s"; set: shown instead of Error
}

// SetupView is the form that makes the first user.
type SetupView struct {
	Chrome
	Token         string
	LinkError     string // why there is no form: the link is wrong, was used, or has expired; empty: it is good
	Name          string
	NameError     string
	PasswordError string
	ConfirmError  string
	Rule          string // "at least 12 characters"
}

// PasswordView is the form that changes one's password.
type PasswordView struct {
	Chrome
	CurrentError  string
	PasswordError string
	ConfirmError  string
	Rule          string // "at least 12 characters"
	Wait          string // "too many tries: wait 40 s"
}

// AccountView says who is signed in, what that allows, and where else they are signed in.
type AccountView struct {
	Chrome
	May        []string  // what the role allows, in words
	MayNot     []string  // what it does not
	PasswordAt ui.Moment // when the password was last changed
	Sessions   []SessionView
	Others     bool   // there are sessions besides the current one
	More       string // that there are more than those listed; empty: there are not
}

// SessionView is a browser in which the user is signed in.
type SessionView struct {
	ID       string
	Browser  string // "Firefox on Linux"
	Addr     string
	OpenedAt ui.Moment
	SeenAt   ui.Moment
	Current  bool // it shows the page
}

// PasswordLinkView is the form by which a user chooses a password.
type PasswordLinkView struct {
	Chrome
	Token         string
	Name          string
	LinkError     string // why there is no form
	PasswordError string
	ConfirmError  string
	Rule          string
}
