package page

// ErrorView says that a request could not be answered.
type ErrorView struct {
	Chrome
	Status    string // "404"
	Heading   string // "There is no such message"
	Text      string // what helps
	RequestID string // to look up in the log; may be empty
	RetryURL  string // tries again; may be empty
	BackURL   string // where to go instead; empty: /messages
}

func (v ErrorView) backURL() string {
	if v.BackURL != "" {
		return v.BackURL
	}
	return "/messages"
}
