package page

import "dlqdesk/web/ui"

// Chrome is what every page shows around its content.
type Chrome struct {
	Title       string // of the document, without the program's name
	User        string // empty: nobody is signed in, so there is no navigation
	Role        string // viewer, operator or admin
	Path        string // of the request: marks the current entry of the navigation
	NeedsPerson string // how many letters need a person, beside "Letters"; empty hides it
	Flash       ui.Notice
}
