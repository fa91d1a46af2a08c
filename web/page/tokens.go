package page

import "dlqdesk/web/ui"

// TokensView lists the tokens of the API that a user may manage, and makes one.
type TokensView struct {
	Chrome
	AddOpen bool
	Form    TokenForm
	Own     []TokenRow
	// of machines, for those who may manage users
	Machines    []TokenRow
	ShowMachine bool
	Flash       ui.Notice
}

// TokenForm makes a token.
type TokenForm struct {
	Name, NameError       string
	Roles                 []ui.Option
	RoleError             string
	Sources, SourcesError string // names with commas between them
	Days                  []ui.Option
	DaysError             string
	Machine               bool
	Assistant             bool
	MayMachine            bool // it can be one of a machine
}

// TokenRow is a token in a list.
type TokenRow struct {
	Name      string
	Hint      string // the beginning of its secret
	Role      string
	Sources   string // "" for all
	By        string
	CreatedAt ui.Moment
	ExpiresAt ui.Moment // zero: never
	Expired   bool
	UsedAt    ui.Moment // zero: never
	RevokeURL string
	Assistant bool // it is good for the tools of assistants alone
}

// TokenSecretView shows the secret of a new token, once.
type TokenSecretView struct {
	Chrome
	Name    string
	Secret  string
	Example string // a command that uses it
}

// made says who made the token, with a space at the end; the time follows.
func (r TokenRow) made() string {
	if r.By == "" {
		return "made "
	}
	return "made by " + r.By + " "
}

// DeviceView signs in a program that waits for a token, such as dlqdesk login.
type DeviceView struct {
	Chrome
	Code      string // that the program shows
	CodeError string
	Error     string
	Request   DeviceRequest // zero: no code was entered, or a wrong one
}

// DeviceRequest is a program that waits for a token.
type DeviceRequest struct {
	Name      string // as the program says
	Addr      string // that it asked from
	OtherAddr string // of the browser, where it is another one
	CreatedAt ui.Moment
	ExpiresAt ui.Moment
	Roles     []ui.Option
	Days      []ui.Option
}
