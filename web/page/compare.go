package page

import "dlqdesk/web/ui"

// CompareView is two revisions of one message, side by side.
type CompareView struct {
	Chrome
	ID       string
	Back     string // the query of the list, without "?"
	Before   CompareSide
	After    CompareSide
	SameNote string // why no difference is to be seen; empty: there is one
	Masked   bool   // some values are masked
	Text     bool   // both bodies are text
	Other    bool   // After is an arrival or another message: no revision can be chosen

	Headers []HeaderChange
}

// CompareSide is one of the two revisions.
type CompareSide struct {
	Options []ui.Option // the revisions, the chosen one selected
	Name    string      // "original" or "edit 2 by anna"
	Size    string
	Body    string // masked, and indented where it is JSON
	JSON    bool
	Note    string // "The first 256 KiB of 1.4 MiB are shown."
	FullURL string // reads all of the body, where it is cut
}

// HeaderChange is a header that two revisions have with different values; an empty value: it is not there.
type HeaderChange struct {
	Name, Old, New string
}
