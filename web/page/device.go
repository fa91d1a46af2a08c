package page

import "dlqdesk/web/ui"

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
