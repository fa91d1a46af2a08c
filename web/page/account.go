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

// AccountView says who is signed in and what that allows.
type AccountView struct {
	Chrome
	May        []string // what the role allows, in words
	MayNot     []string // what it does not
	SignedInAt ui.Moment
	PasswordAt ui.Moment // when the password was last changed
}
